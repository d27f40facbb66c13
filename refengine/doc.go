// Package refengine is a simulated kernel, with one mounted filesystem on a simulated disk, whose every interleaving can be explored
// and replayed.
//
// A Machine belongs to one execution of a scheduler (package sched). Tasks of that scheduler make system calls on it; every
// call takes the calling task and returns Linux error numbers. Data are real bytes. Every lock, wait, completion and step on shared state that
// matters is a scheduling point, so a strategy can order them in any way the kernel could:
//
//	sched.Explore(ctx, sched.Options{Name: "demo", Strategy: sched.NewRandom(1), Budget: 1000},
//		func(s *sched.Sched) {
//			m, _ := refengine.New(s, refengine.Config{FS: "xfs"})
//			s.Go("main", func(t *sched.Task) {
//				f, _ := m.Create(t, "f")
//				f.Write(t, data, 0, 0)
//				m.Disk().Hold(block.Match{Ops: block.Writes})
//				writer := t.Go("writer", func(t *sched.Task) { f.DirectWrite(t, data, 0, 0) })
//				m.Disk().AwaitHeld(t, 1)
//				…
//			})
//		},
//		func(r *sched.Result) bool { return r.Outcome == sched.Done })
//
// The parts: sched (tasks, locks, strategies, replay), block (the disk and its controls), mm (the page cache), iomap (the I/O
// paths), fs (what differs between xfs, ext4, btrfs, gfs2, zonefs and bcachefs), mutant (historic bugs to switch on), trace (events under the
// kernel's tracepoint names), errno.
//
// The lock order is in the package comments of mm and iomap, and LockOrder lists it. Tests hold every nesting against it that random
// programs and the whole catalogue of cases produce.
//
// When every task is blocked and a request is held, the program that holds it has deadlocked itself: the outcome is
// sched.Deadlock, and the result names who waits for what.
//
// # Figures
//
// One execution of a situation on 64 KiB of data, with its machine made, holds, every view compared and a remount, on one core of a
// shared EPYC virtual machine (go test -bench Situation ./refengine): 205 to 788 steps, 0.03 to 0.14 ms, 5.6 to 6.8 million steps a second
// (about 3 million with both processors busy otherwise). The bytes of folios, of the disk and of requests are kept by the
// scheduler from one execution to the next: copying and checking them takes most of the time, and 7 to 16 KB an execution are
// allocated.
//
// # Errors that must stay inside
//
// ENOTBLK, the kernel's internal word for "invalidation failed, fall back to buffered I/O", must never leave a system call. The
// engine returns it like any other number where a mutant or a switch lets it through: judging is not its business.
package refengine
