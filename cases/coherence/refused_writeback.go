package coherence

import (
	"github.com/iomapcheck/iomapcheck/cases/rows"
	"github.com/iomapcheck/iomapcheck/harness/prog"
)

// What the disk refuses to write changes nothing that a later read or mount would find: blocks stay unwritten, shared or behind the end.
//
//	fsync: writeback of n ── EIO      the folio is clean now, and leaves the cache
//	read: what was there before       … and not what the blocks held, nor another file's copy lost
func refusedWriteback() prog.Case {
	const kib = prog.KiB
	refuse := func(off, n int64) []prog.Op {
		return []prog.Op{prog.Fail(prog.Writes, "EIO", 0).Of("f", off, n), prog.Fsync("f").Fails("EIO")}
	}
	program := func(before []prog.Op, off int64, after ...prog.Op) prog.Program {
		ops := append(before, prog.Write("f", off, 4*kib, 'n'))
		ops = append(ops, refuse(off, 4*kib)...)
		return prog.New(append(ops, after...)...).Witness(refused())
	}
	return prog.Case{
		ID:     "coherence/refused-writeback",
		Rule:   "after a writeback that the disk refused, fsync fails, and reads find old or new data or zeros; never what the blocks held before, and never in a file that shared them",
		Kernel: "xfs_end_ioend (error), iomap_finish_ioend; ext4_end_io_end; btrfs_finish_one_ordered",
		Source: "xfs: only remap the written blocks in xfs_reflink_end_cow_extent; iomap: fix zero padding data issue in concurrent append writes (6.13); xfstests generic/475 by chance",
		Needs:  []string{"disk"},
		Variants: []prog.Variant{
			// The blocks have held x before.
			{Name: "unwritten", Program: program([]prog.Op{
				prog.Write("g", 0, 4*kib, 'x'), prog.Fsync("g"), prog.Truncate("g", 0), prog.Fsync("g"),
				prog.Fallocate("f", 0, 4*kib, prog.FallocAlloc),
			}, 0, prog.DropCaches(), prog.Read("f", 0, 4*kib).OneOf("n."))},
			{Name: "shared", Program: program([]prog.Op{
				prog.Write("f", 0, 4*kib, 'o'), prog.Fsync("f"), prog.Clone("f", "g"),
			}, 0, prog.DropCaches(), prog.Read("f", 0, 4*kib).OneOf("no"), prog.Read("g", 0, 4*kib).Returns('o'))},
			{Name: "append", Program: program([]prog.Op{
				prog.Write("f", 0, 4*kib, 'o'), prog.Fsync("f"),
			}, 4*kib, prog.Remount(), prog.Read("f", 0, 8*kib).Counts(4*kib, 8*kib).OneOf("on").As("after"))},
			// The second append goes to the block of the first, whose writeback is in flight: that must not raise the size over both.
			{Name: "appends", Program: prog.New(append(append([]prog.Op{
				prog.Write("f", 0, 4*kib, 'o'), prog.Fsync("f"),
				prog.Write("f", 4*kib, sector, 'a'),
				prog.Hold(prog.Writes).Of("f", 4*kib, sector),
				prog.Go("syncer", prog.Fsync("f")),
				prog.AwaitHeld(1),
				prog.Write("f", 4*kib+sector, sector, 'b').MayBlock(),
				prog.Release(), prog.Join("syncer"),
				prog.Read("f", 4*kib, 2*sector).OneOf("ab").Counts(sector, 2*sector),
			}, refuse(4*kib, 4*kib)...),
				prog.Remount(), prog.Read("f", 4*kib, 2*sector).Counts(sector, 2*sector).OneOf("ab").As("after"),
			)...).Witness(refused())},
		},
		Rows: []prog.Row{
			rows.Journalled("what fails is the journal, and the filesystem with it"),
			{
				FS:          []string{"gfs2/jdata"},
				Unsupported: "journalled data is written in place behind the journal's back: what fails there makes the filesystem withdraw",
				Why:         "a failed write of the journal or from it is final",
				Kernel:      "gfs2_ail_error → gfs2_withdraw_delayed",
			},
			{
				FS: []string{"xfs"}, Variants: []string{"appends"}, Before: "6.12", Known: true,
				Why:    "the size of an ioend is cut at the size that the file has when it ends: the second append counts, though only the first was written; seen on 6.1.192",
				Kernel: "xfs_end_ioend → xfs_setfilesize",
				Commit: "iomap: fix zero padding data issue in concurrent append writes",
			},
			{
				FS: []string{"ext4"}, Variants: []string{"unwritten", "append"}, Target: "vm", Before: "6.12", Known: true,
				Why:    "unwritten blocks are taken for written ones when their writeback ends, also if it failed: the file shows what they held before; seen on 5.10.262 and 6.1.192",
				Kernel: "ext4_end_io_end without EXT4_IO_END_FAILED → ext4_convert_unwritten_io_end_vec",
				Commit: "ext4: do not convert the unwritten extents if data writeback fails",
			},
			{
				FS: []string{"gfs2"}, Variants: []string{"append"}, Target: "vm", Known: true,
				Why:    "there are no unwritten blocks, and new ones are the file's with the transaction, whose data the log flush has tried to write before: where the disk refuses that, the file shows what the blocks held before, which may be somebody's; seen on 5.10.262, 6.1.192, 6.12.117 and 7.2.13",
				Kernel: "gfs2_iomap_alloc: IOMAP_MAPPED; gfs2_log_flush → gfs2_ordered_write",
			},
			{
				FS: []string{"ext4", "gfs2"}, Variants: []string{"append"},
				Expect: map[string]prog.Expect{"after": {Counts: []int64{4 * kib, 8 * kib}, OneOf: "on."}},
				Why:    "the size is raised when blocks are allocated, in the same transaction, before the data is on the disk; the blocks read as zeros while they are unwritten",
				Kernel: "mpage_map_and_submit_extent (i_disksize), gfs2_iomap_end → i_size; seen on 6.12",
			},
			{
				FS: []string{"f2fs"}, Variants: []string{"append", "unwritten"}, Known: true,
				Why:    "the file's new block is mapped when the request is made, and stays so when the disk refuses it: the file shows what the block held before; seen on 6.12.117 and 7.2.13",
				Kernel: "f2fs_outplace_write_data → f2fs_update_data_blkaddr, f2fs_write_end_io",
			},
			{
				FS: []string{"ext4", "gfs2", "btrfs", "f2fs"}, Variants: []string{"appends"},
				Unsupported: "the size on disk is raised with the allocation, the file's extent or its inode, not by the end of an ioend",
				Why:         "there is no size of an ioend that could be too large",
				Kernel:      "mpage_map_and_submit_extent, gfs2_iomap_end, btrfs_finish_one_ordered, f2fs_write_end",
			},
		},
	}
}

// refused is the witness that a mapping learned of a failed writeback.
func refused() prog.Witness { return prog.Fired("filemap:filemap_set_wb_err", 1) }
