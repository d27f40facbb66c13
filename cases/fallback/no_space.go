package fallback

import (
	"github.com/iomapcheck/iomapcheck/cases/rows"
	"github.com/iomapcheck/iomapcheck/harness/prog"
)

// A direct write finds blocks for its first half and none for the second: the disk is full. Whichever way it goes, directly or through the
// page cache, it says so: by ENOSPC, or by the count of what it has written.
//
//	file   |oooooooo|········|     the disk is full
//	write  |nnnnnnnn|nnnnnnnn|     → ENOSPC, or half of it
func noSpace() prog.Case {
	const half = whole / 2
	begin := []prog.Op{prog.Write("f", 0, half, 'o'), prog.Fsync("f")}
	// What a write leaves that did not succeed in full: old or new bytes where there were blocks, and nothing where there were none.
	end := func(size int64) []prog.Op {
		return []prog.Op{
			prog.Read("f", 0, half).OneOf("on"), prog.Read("f", half, size-half).Counts(0, size-half).Returns('.'),
			prog.DropCaches(),
			prog.DirectRead("f", 0, half).OneOf("on"),
			prog.Remount(),
			prog.Read("f", 0, half).OneOf("on"), prog.Read("f", half, size-half).Counts(0, size-half).Returns('.'),
		}
	}
	program := func(before []prog.Op, write ...prog.Op) prog.Program {
		ops := append(append(append([]prog.Op{}, begin...), before...), prog.FillDisk(0).As("full"))
		return prog.New(append(append(ops, write...), end(whole)...)...).Witness(direct())
	}
	full := func(op prog.Op) prog.Op { return op.Counts(half).MayFail("ENOSPC").As("write") }
	grow := []prog.Op{prog.Truncate("f", whole)}
	return prog.Case{
		ID:     "fallback/no-space",
		Rule:   "a direct write for which the disk has no room fails with ENOSPC, or returns the count of bytes that are in the file; what it was not to change stays, no byte of it appears where it found no block, and the file is no longer than its data",
		Kernel: "xfs_iomap_write_direct, ext4_iomap_alloc, btrfs_dio_iomap_begin → btrfs_delalloc_reserve_space; gfs2_iomap_begin (-ENOTBLK) → gfs2_file_buffered_write",
		Source: "seed thread 3: which errors come out of a fallback; xfstests generic/102, generic/273 fill disks, none with direct I/O over half of the blocks",
		Variants: []prog.Variant{
			{Name: "hole", Program: program(grow, full(prog.DirectWrite("f", 0, whole, 'n')))},
			{Name: "dsync", Program: program(grow, full(prog.DirectWrite("f", 0, whole, 'n').With(prog.DSync)))},
			{Name: "aio", Program: program(grow, prog.AIOWrite("w", "f", 0, whole, 'n'), full(prog.Reap("w")))},
			{Name: "extending", Program: program(nil, full(prog.DirectWrite("f", 0, whole, 'n')), prog.FileSize("f").Counts(half))},
			// The fallback of a write that shares its block has to copy the block, and has nowhere to put it.
			{Name: "shared", Program: prog.New(
				prog.Write("f", 0, half, 'o'), prog.Fsync("f"), prog.Clone("f", "g"),
				prog.FillDisk(0),
				prog.DirectWrite("f", sector, sector, 'n').MayFail("ENOSPC").As("write"),
				prog.Read("f", sector, sector).OneOf("on"),
				prog.Read("f", 2*sector, half-2*sector).Returns('o'),
				prog.Read("g", 0, half).Returns('o'),
				prog.DropCaches(),
				prog.DirectRead("f", 2*sector, half-2*sector).Returns('o'),
				prog.DirectRead("g", 0, half).Returns('o'),
			).Witness(direct())},
		},
		Rows: []prog.Row{
			{
				FS: []string{"gfs2"}, Variants: []string{"hole", "dsync", "aio", "extending"}, Target: "vm", Before: "6.1",
				Unsupported: "a file that was written to has blocks set aside, which stay its own when the disk is full: no write of it runs out. Seen on 5.10.262, where another file's write fails",
				Why:         "a multi-block reservation is no one else's",
				Kernel:      "gfs2_inplace_reserve → rg_mblk_search, i_res",
			},
			rows.Journalled("the witness of a direct attempt cannot show"),
			{
				FS:          []string{"zonefs"},
				Unsupported: "a zone has its blocks from the start",
				Why:         "nothing is allocated",
				Kernel:      "zonefs_file_write_iter",
			},
		},
	}
}
