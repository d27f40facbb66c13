// Package judge holds the rules that read histories: what a program asked for and what happened go in, a verdict comes out.
//
// Judge is pure: no clock, no randomness, no log. The same program and history give the same Result on every machine, so a stored
// history can be judged again with today's rules, and a wrong rule is told from a wrong kernel.
//
// # Order
//
// The judge stops at the first cause, so that what follows from it does not bury it:
//
//	0  assumption   the history is one of this program and is well formed; if not, infra: we failed, not the kernel
//	1  splat        the console reports a panic, an oops, a warning …: crash; a hung task: hang
//	   durability   what a power cut has left can be mounted
//	2  hang         an operation never returned; progress where the engine found that it starves or that nothing gets on
//	3  errno-leak   an errno that must stay inside the kernel came out, such as ENOTBLK ("invalidation failed: the caller falls
//	                back to buffered I/O")
//	   errno        an operation failed that had to succeed, or the other way round
//	   oom          a task was killed for want of memory although the program does not allow it
//	   assumption   the program is right about what its buffers hold (see carry.go); if not, infra
//	4  count, coherence, order, progress: what the program says about each operation
//	   event, order what it says about the kernel's events
//	5  coherence    every read returns what some legal order of the writes explains; when all is quiet all paths to a file
//	                agree, also after a remount; a stale page cache is excused only where the kernel said so and an fsync failed with EIO
//	   durability   the same for what is read after a power cut, of which what was promised must be there (see power.go)
//	   assumption   no task's process died, and every path has read every file to its end; if not, infra: silence is no pass
//	6  witness      the situation came about; if not, unexercised, or unsupported where the kernel lacks the event that would show it
//
// # Time
//
// Events are ordered by their time; events of the same time in the order of the history. Rules about operations use that order
// alone. Disk events may come from another clock: rules that use them allow for Header.ClockError, against the witness.
//
// # The register rule
//
// Every byte of a file is a register. A read may return the value of any write that began before the read ended, unless the
// write was definitely overwritten: another write of that byte began after it had returned, and returned before the read began.
//
//	write a   ├────┤
//	write b            ├────┤                  a is definitely overwritten for r2, not for r1
//	write c                      ├──────────┤  c may or may not be seen by r2
//	reads               ├ r1 ┤      ├ r2 ┤     r1: a or b; r2: b or c
//
// An operation that failed, fell short or never returned may have written any part of its range, and overwrites nothing
// definitely. Files begin as nothing: zeros past an end at 0.
package judge
