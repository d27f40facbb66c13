package coherence

import (
	"github.com/iomapcheck/iomapcheck/cases/rows"
	"github.com/iomapcheck/iomapcheck/harness/prog"
)

// A direct read whose range cannot be written back must fail: the disk does not hold what the application wrote.
func failedWriteback() prog.Case {
	return prog.Case{
		ID:     "coherence/failed-writeback",
		Rule:   "a direct read of dirty page cache that cannot be written back fails with the error of the writeback instead of returning what the disk holds",
		Kernel: "__iomap_dio_rw → kiocb_write_and_wait",
		Source: "seed thread 3 (which errors must reach the application)",
		Needs:  []string{"disk"},
		Variants: []prog.Variant{{Program: prog.New(
			prog.Write("f", 0, whole, 'o'), prog.Fsync("f"),
			prog.Write("f", 0, whole, 'd'),
			prog.Fail(prog.Writes, "EIO", 1).Of("f", 0, whole),
			prog.DirectRead("f", 0, whole).Fails("EIO"),
		).Witness(direct())}},
		Rows: []prog.Row{
			rows.Journalled("what fails is the journal, and the filesystem with it"),
			{
				FS:        []string{"bcachefs"},
				Witnesses: []prog.Witness{refused()},
				Why:       "the cache is written back before the direct read is begun at all; shown by the writeback that failed",
				Kernel:    "bch2_read_iter → filemap_write_and_wait_range",
			},
			{
				FS: []string{"f2fs"}, Before: "5.18",
				Witnesses: []prog.Witness{refused()},
				Why:       "the cache is written back before the direct read is begun at all; shown by the writeback that failed",
				Kernel:    "generic_file_read_iter → filemap_write_and_wait_range",
			},
		},
	}
}
