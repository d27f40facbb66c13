package coherence

import (
	"github.com/iomapcheck/iomapcheck/cases/rows"
	"github.com/iomapcheck/iomapcheck/harness/prog"
)

// What is written back leaves the cache as soon as the disk has it, and on a file system that never overwrites that is before the
// metadata names its new place.
func evictedDuringFsync() prog.Case {
	return prog.Case{
		ID:     "coherence/evicted-during-fsync",
		Rule:   "bytes that are dropped from the cache while fsync writes them are read as they were written, whatever the fsync has got to",
		Kernel: "btrfs_readahead → btrfs_lock_and_flush_ordered_range; xfs_end_io, ext4_end_io_end",
		Source: "btrfs_lock_and_flush_ordered_range: what was written back is not where the metadata says until its ordered extent is finished",
		Variants: []prog.Variant{{Program: prog.New(
			prog.Write("f", 0, 4*prog.KiB, 'o'), prog.Fsync("f"),
			prog.Write("f", 0, 4*prog.KiB, 'n'),
			prog.Go("syncer", prog.Fsync("f")),
			prog.Until("syncer",
				prog.Evict("f", 0, 4*prog.KiB),
				prog.Read("f", 0, 4*prog.KiB).Returns('n'),
			),
			prog.Join("syncer"),
			prog.DirectRead("f", 0, 4*prog.KiB).Returns('n'),
		).Witness(direct())}},
		Rows: []prog.Row{rows.Journalled("the last read is a buffered one")},
	}
}
