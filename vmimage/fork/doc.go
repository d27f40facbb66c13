// Package fork makes copies of another process, with all its threads, while they sleep in system calls: what fork(2) would do if it copied more
// than the thread that calls it, and if the other process called it.
//
// It is for QEMU. Without hardware virtualisation most of what a fresh machine does at first is to translate the guest's code, and the
// translation is in QEMU's memory: a copy of a process that has run has it all, and costs a few milliseconds. Nothing of QEMU is
// changed for it; the copying is done with ptrace(2) alone.
//
// How: every thread of the original is stopped in its system call. In the main thread a clone(2) without CLONE_VM is executed, which
// gives a process with a copy of the memory and one thread. In that, further clone(2)s make the other threads, which get the registers of
// the originals. The system calls that the threads were in are begun anew: all that a process at rest sleeps in can be (ppoll, futex,
// poll). Descriptors are shared by a copy, so those whose state would be shared with it are replaced: sockets and pipes by what the caller
// gives, event counters by new ones.
//
// What cannot be copied is found out beforehand and is an error: descriptors of other kinds (epoll, io_uring, KVM), processors other than
// x86-64, a kernel or container that forbids ptrace. Whoever uses this can do without.
package fork
