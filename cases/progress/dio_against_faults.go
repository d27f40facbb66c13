package progress

import (
	"slices"

	"github.com/iomapcheck/iomapcheck/cases/rows"
	"github.com/iomapcheck/iomapcheck/harness/prog"
)

// Tasks touch a mapping of the file without a break, while somebody writes or punches it: each invalidation unmaps the pages, and each
// touch faults them in again. Whoever keeps faults out meanwhile must get his turn.
//
//	one, two   load … load … fault … load … fault …
//	writer     direct write: invalidate ……… in flight ……… done: before so many of them
func dioAgainstFaults() prog.Case {
	const size, bound = 16 * prog.KiB, 1024
	store := prog.Store("f", size, size, 's') // beside what is written, in pages that are written back with it
	// slow is what has a bound, its last operation, with what it takes to have something to do each time.
	program := func(after prog.Op, disk, slow []prog.Op, touch ...prog.Op) prog.Program {
		bounded := append(slices.Clone(slow[:len(slow)-1]), slow[len(slow)-1].Before(bound, "one"))
		// Two writes, so that no large folio is half in the range: it would stay, and be mapped again without a fault of the file's.
		ops := append([]prog.Op{prog.Write("f", 0, size, 'o'), prog.Write("f", size, size, 'o'), prog.Fsync("f")}, disk...)
		return prog.New(append(ops,
			prog.Go("one", prog.Until("writer", touch...)),
			prog.Go("two", prog.Until("writer", touch...)),
			prog.Go("writer", prog.Repeat(8, bounded...)),
			prog.Join("writer"), prog.Join("one"), prog.Join("two"),
			after,
		)...).Witness(faulted(touch))
	}
	load := prog.Load("f", 0, size).OneOf("on.")
	written := prog.Read("f", 0, size).Returns('n')
	failing := []prog.Op{prog.Fail(prog.Writes, "EIO", 0).Of("f", 0, size)}
	return prog.Case{
		ID:     "progress/dio-against-faults",
		Rule:   "direct I/O, and punching a hole, return before a bounded number of accesses through mappings of the same file that began after them, also when the disk fails them",
		Kernel: "invalidate_inode_pages2_range, filemap_fault; xfs_file_fallocate, ext4_punch_hole: invalidate_lock; __bch2_two_state_lock",
		Source: "seed thread 4: \"direct IO to that file can be starved indefinitely\"; the restart of truncate_inode_pages_range",
		Needs:  []string{"disk"},
		Variants: []prog.Variant{
			{Name: "write", Program: program(written, nil, only(prog.DirectWrite("f", 0, size, 'n')), load)},
			{Name: "write-stores", Program: program(written, nil, only(prog.DirectWrite("f", 0, size, 'n')), load, store)},
			{Name: "read", Program: program(prog.Read("f", 0, size).Returns('o'), nil, only(prog.DirectRead("f", 0, size).Returns('o')), load, store)},
			{Name: "punch", Program: program(prog.Read("f", 0, size).Returns('.'), nil,
				// fsync makes the last hole durable, and leaves time for faults in it.
				[]prog.Op{prog.Fsync("f"), prog.Write("f", 0, size, 'n'), prog.Fallocate("f", 0, size, prog.FallocPunch)}, load)},
			{Name: "fsync", Program: program(prog.Read("f", 0, size).Returns('o'), nil, only(prog.Fsync("f")), load, store)},
			{Name: "write-failing", Program: program(prog.Read("f", 0, size).OneOf("on"), failing, only(prog.DirectWrite("f", 0, size, 'n').MayFail("EIO")), load)},
			{Name: "read-failing", Program: program(prog.Read("f", size, size).OneOf("os"),
				[]prog.Op{prog.Fail(prog.Reads, "EIO", 0).Of("f", 0, size)},
				only(prog.DirectRead("f", 0, size).OneOf("o").MayFail("EIO")), store)},
		},
		Rows: []prog.Row{
			rows.Journalled("a direct write is a buffered one, and what fails is the journal", "write", "write-stores", "read", "write-failing", "read-failing"),
			rows.Checksummed("nothing is invalidated, so that the pages stay mapped", "write", "write-failing"),
		},
	}
}

// faulted is the witness that the accesses met page faults: stores fault whenever their page was written back, loads when it was unmapped.
func faulted(touch []prog.Op) prog.Witness {
	for _, op := range touch {
		if op.Verb == prog.VStore {
			return prog.Fired("iomapcheck:do_page_mkwrite", 1)
		}
	}
	return prog.Fired("filemap:mm_filemap_fault", 1)
}

func only(op prog.Op) []prog.Op { return []prog.Op{op} }
