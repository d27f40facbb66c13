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
// # Strategies
//
// NewDPOR enumerates a small program's schedules up to the order of independent steps, and says so when it is through: "12
// schedules, complete" is a proof within what the steps declare. Each step's footprint, what it reads and writes, is declared by the locks and
// queues themselves and, for all other state, by Task.Reads, Writes and Adds. The footprint of a step may depend on the data it
// meets; source sets as published assume that it does not, and miss states then, so a race is resolved here by the first steps of what
// causes it, and tasks in sleep sets are watched for races as if they had run (raceFinder.sleepers). A thousand random programs end
// in the same states under plain depth-first search, sleep sets and DPOR: 453,762, 5,034 and 5,035 executions. Audit swaps
// adjacent steps that claim to be independent, and so finds what a model forgot to declare.
//
// NewRotation is for everything larger: random, PCT, POS, URW and SURW in turn. Mean executions to find the bug of a toy
// (TestDetectionTable, 10 seeds, at most 1,000 executions; * some seeds missed):
//
//	                     random   pct2   pct3   pct5    pos    urw   surw   rotation
//	stale cache              10     83     26     14      6      3      8          8
//	hook after unlock       361   159*    120     94    100    199   522*        209
//	two-state starvation    393      7      5      6      5   276*  never          6
//	AB-BA                   1.3     31     16      7    2.0    1.0    3.2        1.6
//
// # Replay and shrinking
//
// Every choice is recorded. A token (Result.Token) carries the choices that differ from the default, which is to go on with the same
// task, and a rolling hash of all steps and noted data; Replay makes the same execution again, step by step, or says that it
// diverged, because the program or the engine has changed. Shrink looks for a schedule with fewer switches that fails too, and
// returns a token for it: the toy bugs take 1 to 4 switches and 28 to 36 bytes.
//
// # Liveness
//
// An execution that never ends proves nothing by itself. Obligation and WaitQueue.Overtaken count how often a blocked waiter is passed
// without a break: beyond the bound the outcome is Starved. Watch looks for states that come back under a fair schedule, repeats
// the cycle 64 times, and calls it Livelock. Both are deterministic, and so replay and shrink like any failure.
//
// # Time and locks
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
// Processor time on a quiet two-core EPYC virtual machine with Go 1.26 (go test -bench . ./refengine/sched). The program of the
// executions is 3 tasks with 10 lock and unlock pairs each, the engine's own locks. Beside it shuttle 0.9.3 (Rust, release build) with the
// same program, as measured on another machine of this kind: 78 decisions an execution, where there are 63 here.
//
//	             a point     an execution                shuttle
//	random         90 ns     5.2 us, 192,000 a second     94,500
//	pct2           31 ns     3.7 us, 272,000             139,000
//	pct3           34 ns     2.9 us, 340,000             134,000
//	pct5           32 ns     2.9 us, 341,000
//	pos           118 ns     4.8 us, 210,000
//	urw            98 ns     5.4 us, 185,000              92,000
//	surw          119 ns     5.8 us, 172,000
//	rotation       88 ns     4.3 us, 233,000
//	dfs                      3.3 us, 300,000             186,000
//	dpor                     8.6 us, 116,000
//
// No point allocates; an execution does twice (set-up's own lock and closure), under DPOR eleven times. Two workers, which share nothing,
// did 2.0 times the executions of one (BenchmarkWorkers3x20: 3.44 us and 1.70 us each), and 1.8 to 2.1 times the cases of one when the whole
// catalogue ran (iomapcheck run --jobs 2: 17.1 s and 8.2 s, 16.7 s and 9.3 s). With a kernel's worth of model behind each point it is 5.7 to
// 6.3 million points a second and core (BenchmarkSituation in the root package).
package sched
