package coherence

import (
	"github.com/iomapcheck/iomapcheck/cases/rows"
	"github.com/iomapcheck/iomapcheck/harness/prog"
)

// A direct write of less than a block zeroes what it leaves of the block, where that is not valid:
//
//	block    [ 0 0 0 | n | 0 0 0 0 )    unwritten before: what the disk has there is from before the range was zeroed
//	block    [ o | n ‖ 0 0 0 0 0 0 )    the end of the file ‖ : what the disk has behind it shows in a mapping
//
// For the second the disk must have kept something behind the end. A truncate zeroes it in the cache; when the write of that fails, the
// disk does not learn of it, the error has been told, and the cache may go.
func dioZeroesBlocks() prog.Case {
	const kib = prog.KiB
	inside := prog.Content{{Len: kib, Fill: "."}, {Len: sector, Fill: "n"}, {Len: 3*kib - sector, Fill: "."}}
	behind := prog.Content{{Len: sector, Fill: "o"}, {Len: sector, Fill: "n"}, {Len: 3 * kib, Fill: "."}}
	return prog.Case{
		ID:     "coherence/dio-zeroes-blocks",
		Rule:   "the rest of a block of which a direct write fills a part reads as zeros where it was not valid before, and behind the end of the file",
		Kernel: "iomap_dio_bio_iter → iomap_dio_zero",
		Source: "iomap: sub-block dio needs to zeroout beyond EOF (4.20)",
		Needs:  []string{"disk"},
		Variants: []prog.Variant{
			{Name: "unwritten", Program: prog.New(
				prog.Write("f", 0, 4*kib, 'o'), prog.Fsync("f"),
				prog.Fallocate("f", 0, 4*kib, prog.FallocZero),
				prog.DirectWrite("f", kib, sector, 'n'),
				prog.Read("f", 0, 4*kib).ReturnsRuns(inside...),
				prog.DropCaches(),
				prog.DirectRead("f", 0, 4*kib).ReturnsRuns(inside...),
			).Witness(direct())},
			{Name: "end", Program: prog.New(
				prog.Write("f", 0, 4*kib, 'o'), prog.Fsync("f"),
				prog.Truncate("f", sector),
				prog.Fail(prog.Writes, "EIO", 1).Of("f", 0, 4*kib),
				prog.Fsync("f").Fails("EIO"), prog.DropCaches(),
				prog.DirectWrite("f", sector, sector, 'n'),
				prog.Load("f", 0, 4*kib).ReturnsRuns(behind...),
				prog.Truncate("f", 4*kib),
				prog.DirectRead("f", 0, 4*kib).ReturnsRuns(behind...),
			).Witness(direct())},
		},
		Rows: []prog.Row{
			rows.Journalled("nothing is zeroed around a direct write"),
			blocksOnly(),
			{
				FS: []string{"f2fs"}, Variants: []string{"end"}, Since: "5.18", Before: "6.12", Known: true,
				Why:    "the write goes through the page cache, which does not zero the rest of the block that the file ends in: what a writeback that failed has left there shows. Seen on 6.1.192",
				Kernel: "f2fs_should_use_dio, f2fs_write_begin",
				Commit: "f2fs: fix to zero post-eof page",
			},
			{
				FS:          []string{"gfs2"},
				Unsupported: "there is no direct write of a block that is not valid, nor one behind the end of the file",
				Why:         "blocks are allocated and the file grows through the page cache alone",
				Kernel:      "gfs2_iomap_begin, gfs2_file_direct_write",
			},
		},
	}
}
