package coherence

import (
	"github.com/iomapcheck/iomapcheck/cases/rows"
	"github.com/iomapcheck/iomapcheck/harness/prog"
)

// A direct read of what is just being written directly finds old or new bytes: metadata that named the new blocks before their data is
// there would show what the disk had in them.
func dioReadBesideWrite() prog.Case {
	return prog.Case{
		ID:     "coherence/dio-read-beside-write",
		Rule:   "a direct read while a direct write of the same range is in flight returns old or new bytes, and after it new ones",
		Kernel: "btrfs_finish_one_ordered, lock_extent_direct; iomap_dio_complete",
		Source: "what ordered extents are for: metadata must not name blocks before their data is there",
		Needs:  []string{"disk"},
		Variants: []prog.Variant{{Program: prog.New(
			prog.Write("f", 0, 4*prog.KiB, 'o'), prog.Fsync("f"),
			prog.Hold(prog.Writes).Of("f", 0, 4*prog.KiB),
			prog.Go("writer", prog.DirectWrite("f", 0, 4*prog.KiB, 'n')),
			prog.AwaitHeld(1),
			prog.DirectRead("f", 0, 4*prog.KiB).OneOf("on").MayBlock().As("early"),
			prog.Release(), prog.Join("writer"),
			prog.DirectRead("f", 0, 4*prog.KiB).Returns('n'),
		).Witness(prog.WhileHeld("early"))}},
		Rows: []prog.Row{
			rows.Journalled("both go through the page cache"),
			rows.Checksummed("the read waits for its writeback"),
			waitsForOrdered("early"),
		},
	}
}
