package coherence

import (
	"github.com/iomapcheck/iomapcheck/cases/rows"
	"github.com/iomapcheck/iomapcheck/harness/prog"
)

// A direct write past the end of the file must not show the new size before its data: a reader would see what the blocks
// held before.
//
//	writer   direct write [4k, 64k) ─── held on the disk ─────────────┐ blocks valid, then the size
//	main     ………………………………………… size: still 4k   read: 4k of o   release … size 64k, n
func extendingWrite() prog.Case {
	const old = 4 * prog.KiB
	program := func(early prog.Op) prog.Program {
		return prog.New(
			prog.Write("f", 0, old, 'o'), prog.Fsync("f"),
			prog.Hold(prog.Writes).Of("f", old, whole-old),
			prog.Go("writer", prog.DirectWrite("f", old, whole-old, 'n')),
			prog.AwaitHeld(1),
			prog.FileSize("f").Counts(old).As("size"),
			early,
			prog.Release(), prog.Join("writer"),
			prog.FileSize("f").Counts(whole),
			prog.Read("f", 0, whole).ReturnsRuns(prog.Run{Len: old, Fill: "o"}, prog.Run{Len: whole - old, Fill: "n"}),
		).Witness(prog.WhileHeld("size"))
	}
	return prog.Case{
		ID:     "coherence/extending-write",
		Rule:   "while a direct write past the end of the file is in flight, neither size nor reads show more than the old file; afterwards both show all of it",
		Kernel: "iomap_dio_complete → ->end_io (xfs_dio_write_end_io, ext4_dio_write_end_io): unwritten blocks are converted, then i_size is raised",
		Source: "xfs: update i_size after unwritten conversion in dio completion; xfstests generic/465 (size before data), generic/586",
		Needs:  []string{"disk"},
		Variants: []prog.Variant{
			{Name: "read", Program: program(prog.Read("f", 0, whole).Counts(old, whole).OneOf("on").MayBlock().As("early"))},
			{Name: "load", Program: program(prog.Load("f", 0, old).Returns('o').MayBlock().As("early"))},
		},
		Rows: []prog.Row{
			rows.Journalled("the size grows with the page cache, before anything is on the disk"),
			cachedSize("btrfs", "a direct write to a file with checksums goes through the page cache; without checksums the size is raised before the data is on the disk, and the ordered extent makes readers wait", "btrfs_dio_iomap_begin → i_size_write"),
			cachedSize("gfs2", "a direct write beyond the end of the file is always buffered", "gfs2_file_direct_write"),
		},
	}
}

// cachedSize is the row of a filesystem that shows the new size early, and whose readers find the data all the same.
func cachedSize(fs, why, kernel string) prog.Row {
	return prog.Row{
		FS:     []string{fs},
		Expect: map[string]prog.Expect{"size": {Counts: []int64{4 * prog.KiB, whole}}},
		Why:    why, Kernel: kernel,
	}
}
