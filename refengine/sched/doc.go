// Package sched runs simulated tasks one at a time, under a strategy that decides at every step who goes on.
//
// A task is a coroutine (iter.Pull, reused from a pool). Before every operation on shared state it announces the operation
// and a gate, one integer that is zero when the operation can take effect (Task.Point); the decision who runs next is taken
// inside the announcing task, so that going on with the same task costs no switch. What a task does between two points is
// atomic. Locks, semaphores, counters, events and wait queues are built from gates.
//
// An execution ends when nothing can run. If tasks are left they are deadlocked, and Result.Blocked says who waits for what and who
// holds it; a cycle of lock owners is found at once, even while other tasks could run for ever. A panic of a task is a broken
// invariant of the model and is kept with its stack. A step limit says nothing, neither good nor bad. Tasks that are left are
// unwound, by a panic inside Point that bodies must let pass; their deferred unlocks do nothing then.
//
// Every choice is recorded. A token (Result.Token) carries the choices and a rolling hash of all steps and noted data; Replay makes
// the same execution again, step by step, or says that it diverged, because the program or the engine has changed.
// Tokens of small programs are a line long: decisions that leave no choice are not recorded, and the rest is run-length coded.
//
// Virtual time advances only when no task can run. AwaitBlocked waits for another task to be blocked for good, which comes before
// the advance of time.
//
// The lock-order checker is always on: it records which classes of locks nest in which, over all executions of a scheduler,
// and reports both stacks when two classes nest in both orders, directly or through others, or when two locks of one class and
// file are taken against their index order.
//
// # Figures
//
// On one core of a shared two-core EPYC virtual machine with Go 1.26.8 (go test -bench . ./refengine/sched):
//
//	BenchmarkPoint/random             75 ns a point (13 million a second), 0 allocations
//	BenchmarkPoint/pct3               25 ns a point
//	BenchmarkExecution3x20/random   3320 ns an execution of 3 tasks with 10 lock and unlock pairs each: 301,000 a second
//	BenchmarkExecution3x20/pct3     2240 ns: 447,000 a second
//	BenchmarkExecution3x20/dfs      3180 ns
//
// Single runs on a loaded machine: repeat them before relying on a difference. The same program ran 94,500 (random) and 134,000 (PCT,
// depth 3) executions a CPU second with shuttle 0.9.3 in an earlier measurement on another machine, so the two are not a comparison.
// An execution allocates three times: the Result, the lock, and the tasks' closure.
package sched
