// Package exec runs a program on the kernel that it runs on, with one process a task.
//
// A Go thread that sleeps in a page fault of a mapping never reaches a safe point and so stalls every goroutine beside it;
// a task can also be killed for want of memory. So each task is a process (the same binary again, started with TaskArg),
// which does the system calls and reports on a socket pair; the conductor, in the process that called Run, starts them, answers what they
// ask of the harness (the disk, joins, remounts), gathers the history, and never itself touches a file of the program while
// tasks run: when a task hangs, the conductor still answers and reports where in the kernel it sleeps.
//
//	conductor ──start, reply──▶ task main     ─┐
//	    ▲     ──start, reply──▶ task writer    ├─ system calls
//	    └──invoke, return, ask── op 6 (may-block, a process for one operation)
//
// Tasks that a program puts into one address space (go T thread) are locked threads of one such process, whose garbage
// collector is off while the program runs, for the same reason.
//
// A program that limits memory runs its tasks in a cgroup (Env.Memory); the conductor and the final reads are outside of it. A
// task that the kernel kills for want of memory is an event: the operation it was in returns SIGKILL, and its process's end is no fault.
//
// Lock order: conductor.memory before conductor.mu; no call out of the package is made under mu but Env.Emit.
package exec
