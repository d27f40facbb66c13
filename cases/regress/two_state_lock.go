package regress

import (
	"github.com/iomapcheck/iomapcheck/cases/rows"
	"github.com/iomapcheck/iomapcheck/harness/prog"
)

// bcachefs keeps page faults and buffered I/O apart from direct writes by a lock with two states, which any number of tasks may hold in
// one of them. Whoever finds it free or in its state gets it: faults without a break keep a direct write out for ever. The cure, a
// deadline for who waits, has its price: a task that holds the lock and takes it again must not be kept out, as a buffered read does
// into a mapping of the file that it reads.
//
//	copier   read f → takes the lock → its buffer maps f: fault → takes it again: kept out by ┐
//	writer   direct write: waits for the copier, its deadline has passed ─────────────────────┘
func twoStateLock() prog.Case {
	const sector = 512
	reads := func(at int64) prog.Op {
		return prog.Until("writer", prog.Read("f", at, sector).OneOf("on"))
	}
	read := prog.Read("f", 0, sector).OneOf("on")
	const far = 256 * prog.KiB   // where the copy goes: fills repeat there
	const beyond = 64 * prog.KiB // what the first read does not read ahead
	return prog.Case{
		ID:     "regress/two-state-lock",
		Rule:   "a direct write gets its turn however many read through the cache, and who reads into a mapping of the same file is not kept out by it",
		Kernel: "__bch2_two_state_lock; i_rwsem, invalidate_lock elsewhere",
		Source: "seed thread 4: \"direct IO to that file can be starved indefinitely\"",
		Needs:  []string{"disk"},
		Variants: []prog.Variant{
			{Name: "starved", Program: prog.New(
				prog.Write("f", 0, page, 'o'), prog.Fsync("f"),
				prog.Go("writer", prog.DirectWrite("f", 0, page, 'n').Before(64, "one")),
				prog.Go("one", reads(0)), prog.Go("two", reads(sector)), prog.Go("three", reads(2*sector)),
				prog.Join("writer"), prog.Join("one"), prog.Join("two"), prog.Join("three"),
				prog.Read("f", 0, page).Returns('n'),
			).Witness(direct())},
			{Name: "twice", Program: prog.New(
				prog.Write("f", 0, page, 'o'), prog.Write("f", beyond, page, 'o'), prog.Truncate("f", far+beyond+page), prog.Fsync("f"), prog.DropCaches(),
				prog.Read("f", 0, sector).Returns('o'),
				prog.Hold(prog.Reads).Of("f", beyond, page),
				prog.Go("copier", prog.Read("f", beyond, page).Via("f", far+beyond).Returns('o')),
				prog.AwaitHeld(1),
				prog.Go("writer", prog.DirectWrite("f", 0, page, 'n')),
				prog.AwaitBlocked("writer"),
				prog.Go("reader", read, read, read, read, read),
				prog.AwaitBlocked("reader"),
				prog.Release(),
				prog.Join("copier"), prog.Join("writer"), prog.Join("reader"),
				prog.Read("f", 0, page).Returns('n'),
			).Witness(direct())},
		},
		Rows: []prog.Row{
			rows.Journalled("there is no direct write"),
			rows.Checksummed("there is no direct write"),
			rows.GlockTwice("twice"),
			{
				FS: []string{"bcachefs"}, Variants: []string{"starved"}, Target: "refengine", Known: true, Shows: "hang",
				Why:    "waiters of the lock try again when it becomes free, and have no turn",
				Kernel: "__bch2_two_state_lock: __wait_event on a trylock",
			},
			{
				FS: []string{"bcachefs"}, Variants: []string{"starved"}, Target: "vm",
				Unsupported: "who of those that try again gets the lock is left to chance on a kernel",
				Why:         "waiters of the lock have no turn",
				Kernel:      "__bch2_two_state_lock: __wait_event on a trylock",
			},
		},
	}
}
