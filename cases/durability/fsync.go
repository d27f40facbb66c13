package durability

import "github.com/iomapcheck/iomapcheck/harness/prog"

// fsync makes durable what direct writes have written before it began: data, blocks and size.
func fsyncDirectWrite() prog.Case {
	write := func(off int64) prog.Op { return prog.DirectWrite("f", off, whole, 'n') }
	return prog.Case{
		ID:     "durability/fsync-direct-write",
		Rule:   "direct writes that had returned before an fsync or fdatasync began survive a power cut once it has returned",
		Kernel: "iomap_dio_complete → ->end_io before the write returns; xfs_file_fsync, ext4_sync_file, btrfs_sync_file, gfs2_fsync → flush of the disk",
		Source: "fsync(2); xfs_file_fsync: the flush where the log has nothing to write; xfstests generic/311, generic/482",
		Needs:  []string{"disk"},
		Variants: []prog.Variant{
			{Name: "overwrite", Program: cutAfter(settled(), ops(write(0), prog.Fsync("f")), holds('n'))},
			{Name: "overwrite-data", Program: cutAfter(settled(), ops(write(0), prog.Fdatasync("f")), holds('n'))},
			{Name: "append", Program: cutAfter(settled(), ops(write(whole), prog.Fsync("f")),
				prog.FileSize("f").Counts(2*whole), prog.Read("f", whole, whole).Returns('n'))},
			{Name: "append-data", Program: cutAfter(settled(), ops(write(whole), prog.Fdatasync("f")),
				prog.FileSize("f").Counts(2*whole), prog.Read("f", whole, whole).Returns('n'))},
			{Name: "unwritten", Program: cutAfter(fresh(),
				ops(prog.Fallocate("f", 0, whole, prog.FallocAlloc), write(0), prog.Fdatasync("f")), holds('n'))},
			{Name: "aio", Program: cutAfter(settled(), ops(prog.AIOWrite("w", "f", whole, whole, 'n'), prog.Reap("w"), prog.Fsync("f")),
				prog.FileSize("f").Counts(2*whole), prog.Read("f", whole, whole).Returns('n'))},
		},
		Rows: []prog.Row{journalled(), unflushed("overwrite-data"), unflushedWhole("overwrite")},
	}
}

// fsync makes durable what was written through the page cache and through mappings before it began.
func fsyncWrite() prog.Case {
	return prog.Case{
		ID:     "durability/fsync-write",
		Rule:   "buffered writes and stores that had returned before an fsync or fdatasync began survive a power cut once it has returned",
		Kernel: "file_write_and_wait_range, then the log and the disk's cache: xfs_file_fsync, ext4_sync_file, btrfs_sync_file, gfs2_fsync",
		Source: "fsync(2); xfstests generic/311, generic/455",
		Needs:  []string{"disk"},
		Variants: []prog.Variant{
			{Name: "overwrite", Program: cutAfter(settled(), ops(prog.Write("f", 0, whole, 'n'), prog.Fsync("f")), holds('n'))},
			{Name: "overwrite-data", Program: cutAfter(settled(), ops(prog.Write("f", 0, whole, 'n'), prog.Fdatasync("f")), holds('n'))},
			{Name: "append-data", Program: cutAfter(settled(), ops(prog.Write("f", whole, 100, 'n'), prog.Fdatasync("f")),
				prog.FileSize("f").Counts(whole+100), prog.Read("f", whole, 100).Returns('n'))},
			{Name: "store", Program: cutAfter(settled(), ops(prog.Store("f", 0, whole, 'n'), prog.Fsync("f")), holds('n'))},
			// What is dirty beside it must not come to the disk in its stead.
			{Name: "beside-unsynced", Program: cutAfter(settled(),
				ops(prog.Write("f", 0, whole, 'n'), prog.Fsync("f"), prog.Write("f", 0, whole, 'm')), prog.Read("f", 0, whole).OneOf("nm"))},
		},
		Rows: []prog.Row{journalled(), unflushed("overwrite-data")},
	}
}

// fsync makes a size durable that truncate has set.
func fsyncSize() prog.Case {
	return prog.Case{
		ID:     "durability/fsync-size",
		Rule:   "a size that truncate had set before an fsync or fdatasync began survives a power cut once it has returned",
		Kernel: "xfs_setattr_size, ext4_setattr, btrfs_setsize, gfs2_setattr_size; the log that fsync forces",
		Source: "fdatasync(2): a changed size is metadata that is needed; xfstests generic/311, generic/013 under dm-log-writes",
		Needs:  []string{"disk"},
		Variants: []prog.Variant{
			{Name: "shrink", Program: cutAfter(settled(), ops(prog.Truncate("f", 4*prog.KiB), prog.Fsync("f")),
				prog.FileSize("f").Counts(4*prog.KiB), prog.Read("f", 0, 4*prog.KiB).Returns('o'))},
			{Name: "shrink-into-block", Program: cutAfter(settled(),
				ops(prog.Truncate("f", 5000), prog.Fsync("f")), prog.FileSize("f").Counts(5000),
				prog.Truncate("f", whole), prog.Read("f", 5000, whole-5000).Returns(prog.Zero))},
			{Name: "grow", Program: cutAfter(settled(), ops(prog.Truncate("f", 2*whole), prog.Fdatasync("f")),
				prog.FileSize("f").Counts(2*whole), prog.Read("f", whole, whole).Returns(prog.Zero))},
		},
		Rows: []prog.Row{journalled()},
	}
}

// fsync makes a hole durable that fallocate has punched, and zeros that it has written.
func fsyncHole() prog.Case {
	program := func(mode prog.FallocMode) prog.Program {
		return cutAfter(settled(), ops(prog.Fallocate("f", 4*prog.KiB, 8*prog.KiB, mode), prog.Fsync("f")),
			prog.Read("f", 0, whole).ReturnsRuns(
				prog.Run{Len: 4 * prog.KiB, Fill: "o"}, prog.Run{Len: 8 * prog.KiB, Fill: prog.Zero.String()}, prog.Run{Len: 4 * prog.KiB, Fill: "o"}))
	}
	return prog.Case{
		ID:     "durability/fsync-hole",
		Rule:   "what fallocate had punched or zeroed before an fsync began is zeros after a power cut once it has returned",
		Kernel: "xfs_free_file_space, ext4_punch_hole, btrfs_punch_hole; the log that fsync forces",
		Source: "fsync(2); f2fs: fix fdatasync, which lost punched holes; xfstests generic/042",
		Needs:  []string{"disk"},
		Variants: []prog.Variant{
			{Name: "punch", Program: program(prog.FallocPunch)},
			{Name: "zero", Program: program(prog.FallocZero)},
		},
		Rows: []prog.Row{journalled()},
	}
}
