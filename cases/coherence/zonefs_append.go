package coherence

import (
	"github.com/iomapcheck/iomapcheck/cases/rows"
	"github.com/iomapcheck/iomapcheck/harness/prog"
)

// A sequential zone takes writes at its write pointer, which moves when a write is submitted and not when it is done. What fails moves it
// back to what the disk has.
//
//	submitted   [ a: 0 )           pointer 0  → 4k
//	            [ b: 0 )           pointer 4k: EINVAL
//	                    [ c: 4k )  pointer 4k → 8k
func zonefsAppend() prog.Case {
	const block = 4 * prog.KiB
	return prog.Case{
		ID:     "coherence/zonefs-append",
		Rule:   "writes of a sequential zone follow each other in the order of their submission, each behind the last, also after one that failed; readers see them all",
		Kernel: "zonefs_file_dio_write (z_wpoffset), zonefs_io_error, zonefs_file_write_dio_end_io",
		Source: "fs: New zonefs file system (5.6); zonefs: Always invalidate last cached page on append write (6.3)",
		Needs:  []string{"disk", "aio"},
		Variants: []prog.Variant{
			{Name: "order", Program: prog.New(
				prog.Hold(prog.Writes),
				prog.AIOWrite("first", "f", 0, block, 'a'),
				prog.AIOWrite("again", "f", 0, block, 'b'),
				prog.AIOWrite("next", "f", block, block, 'c'),
				prog.Release(),
				prog.Reap("first"), prog.Reap("again").Fails("EINVAL"), prog.Reap("next"),
				prog.FileSize("f").Counts(2*block),
				prog.Read("f", 0, 2*block).ReturnsRuns(prog.Run{Len: block, Fill: "a"}, prog.Run{Len: block, Fill: "c"}),
			).Witness(direct())},
			{Name: "sync", Program: prog.New(
				prog.DirectWrite("f", 0, block, 'a'),
				prog.DirectWrite("f", block, 2*block, 'b'),
				prog.Read("f", 0, 3*block).ReturnsRuns(prog.Run{Len: block, Fill: "a"}, prog.Run{Len: 2 * block, Fill: "b"}),
			).Witness(direct())},
			{Name: "failed", Program: prog.New(
				prog.Fail(prog.Writes, "EIO", 1),
				prog.DirectWrite("f", 0, block, 'a').Fails("EIO"),
				prog.DirectWrite("f", 0, block, 'b'),
				prog.Read("f", 0, block).Returns('b'),
			).Witness(direct())},
			// Whatever a write that failed left, a zone that is reset begins anew.
			{Name: "failed-reset", Program: prog.New(
				prog.Fail(prog.Writes, "EIO", 1),
				prog.DirectWrite("f", 0, block, 'a').Fails("EIO"),
				prog.Truncate("f", 0),
				prog.DirectWrite("f", 0, block, 'b'),
				prog.Read("f", 0, block).Returns('b'),
			).Witness(direct())},
			// The last page is cached when its rest is written.
			{Name: "cached", Program: prog.New(
				prog.DirectWrite("f", 0, sector, 'a'),
				prog.Read("f", 0, sector).Returns('a'),
				prog.DirectWrite("f", sector, sector, 'b'),
				prog.Read("f", 0, 2*sector).ReturnsRuns(prog.Run{Len: sector, Fill: "a"}, prog.Run{Len: sector, Fill: "b"}),
				prog.Load("f", 0, 2*sector).ReturnsRuns(prog.Run{Len: sector, Fill: "a"}, prog.Run{Len: sector, Fill: "b"}),
			).Witness(direct())},
		},
		Rows: []prog.Row{
			rows.MovedTwice("sync", "failed-reset", "cached"),
			{
				FS: []string{"zonefs"}, Variants: []string{"failed"}, Target: "vm",
				Unsupported: "the emulated disk moves a zone's write pointer by a write that failed as well (QEMU's nvme_finalize_zoned_write), and the file gets those bytes",
				Why:         "what a write that failed leaves of its zone is the device's affair: the kernel asks it where the pointer is",
				Kernel:      "zonefs_io_error, zonefs_check_zone_condition",
			},
			{
				FS:          []string{"xfs", "ext4", "btrfs", "gfs2", "bcachefs", "f2fs", "zonefs/conventional"},
				Unsupported: "files are written anywhere there",
				Why:         "there are no sequential zones",
				Kernel:      "zonefs_zone_is_seq",
			},
			{
				FS: []string{"zonefs"}, Variants: []string{"sync", "failed", "failed-reset"}, Before: "6.1",
				Witnesses: []prog.Witness{cached()},
				Why:       "synchronous writes are zone appends, made without iomap",
				Kernel:    "zonefs_file_dio_append",
				Commit:    "zonefs: Always invalidate last cached page on append write (6.3, 6.1.23)",
			},
			{
				FS: []string{"zonefs/512"}, Variants: []string{"cached"}, Before: "6.1", Known: true,
				Why:    "an append does not look at the page cache: the last page keeps zeros where the write went",
				Kernel: "zonefs_file_dio_append",
				Commit: "zonefs: Always invalidate last cached page on append write (6.3, 6.1.23)",
			},
		},
	}
}
