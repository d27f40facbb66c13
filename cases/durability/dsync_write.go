package durability

import (
	"github.com/iomapcheck/iomapcheck/cases/rows"
	"github.com/iomapcheck/iomapcheck/harness/prog"
)

// A buffered write with O_DSYNC that has returned is there after a power cut.
func dsyncWrite() prog.Case {
	dsync := func(off, n int64) prog.Op { return prog.Write("f", off, n, 'n').With(prog.DSync) }
	return prog.Case{
		ID:     "durability/dsync-write",
		Rule:   "a buffered write with O_DSYNC that has returned survives a power cut, with its size",
		Kernel: "generic_write_sync → vfs_fsync_range, from xfs_file_buffered_write, ext4_buffered_write_iter, btrfs_do_write_iter, gfs2_file_write_iter",
		Source: "open(2): O_DSYNC; xfstests generic/455 (fsx, replayed to each flush)",
		Needs:  []string{"disk"},
		Variants: []prog.Variant{
			{Name: "overwrite", Program: cutAfter(settled(), ops(dsync(0, whole)), holds('n'))},
			{Name: "append", Program: cutAfter(settled(), ops(dsync(whole, 100)), prog.FileSize("f").Counts(whole+100), prog.Read("f", whole, 100).Returns('n'))},
		},
		Rows: []prog.Row{journalled(), unflushed("overwrite")},
	}
}

// A direct write that cannot invalidate the page cache is done through it (ENOTBLK: the caller falls back to buffered I/O), and O_DSYNC holds
// for it all the same. xfs does not even write the data back in that case: generic_write_sync is all there is.
//
//	main     store d …………………………………………… store e ……………… release
//	writer   ……………… direct write n, O_DSYNC: writeback of d ─ held ─┐ invalidate fails → buffered write n, fsync │ power cut │ n
func dsyncFallback() prog.Case {
	return prog.Case{
		ID:     "durability/dsync-fallback",
		Rule:   "a direct write with O_DSYNC that falls back to the page cache survives a power cut",
		Kernel: "__iomap_dio_rw → -ENOTBLK; xfs_file_write_iter → xfs_file_buffered_write → generic_write_sync; direct_write_fallback",
		Source: "iomap: fall back to buffered writes for invalidation failures (5.9): \"the fallback must honour O_DSYNC\" is the callers' affair",
		Needs:  []string{"disk", "trace"},
		Variants: []prog.Variant{{Program: cutAfter(settled(), ops(
			prog.Store("f", 0, whole, 'd'),
			prog.Hold(prog.Writes).Of("f", 0, whole),
			prog.Go("writer", prog.DirectWrite("f", 0, whole, 'n').With(prog.DSync)),
			prog.AwaitHeld(1),
			prog.Store("f", 0, whole, 'e').MayBlock().As("redirty"),
			prog.Release(), prog.Join("writer"),
		), holds('n').As("after")).Witness(prog.WhileHeld("redirty"), prog.Fired("iomap:iomap_dio_invalidate_fail", 1))}},
		Rows: []prog.Row{
			journalled(),
			rows.BufferHeads(),
			rows.Checksummed("there is no direct write that could fall back"),
			{
				FS: []string{"btrfs"}, Before: "5.11", Known: true,
				Why:       "O_DSYNC is taken away from the write for iomap, and given back when something was done directly: what falls back as a whole is not synced; seen on 5.10.262",
				Kernel:    "btrfs_file_write_iter: current->journal_info == BTRFS_DIO_SYNC_STUB",
				Commit:    "btrfs: call iomap_dio_complete() without inode_lock",
				Expect:    map[string]prog.Expect{"after": {OneOf: "ne"}},
				Witnesses: []prog.Witness{prog.SeenBlocked("redirty", "folio_wait_writeback"), prog.WritesLost(1)},
			},
			overtaken("btrfs", "a store to a page under writeback waits for it, so that nothing is dirty again; store and write race afterwards",
				"btrfs_page_mkwrite → folio_wait_writeback", "folio_wait_writeback"),
			overtaken("bcachefs", "a direct write keeps the faults of stores out up to its end", "bch2_direct_write → bch2_pagecache_block_get",
				"__bch2_two_state_lock", "two_state_lock"),
			overtakenUnflushed("vm"), overtakenUnflushed("refengine"),
		},
	}
}

// overtaken is the row of a file system where the second store has to wait, so that it comes before or after the write.
func overtaken(fs, why, kernel string, in ...string) prog.Row {
	return prog.Row{
		FS: []string{fs}, Why: why, Kernel: kernel,
		Expect:    map[string]prog.Expect{"after": {OneOf: "ne"}},
		Witnesses: []prog.Witness{prog.SeenBlocked("redirty", in...), prog.WritesLost(1)},
	}
}

// overtakenUnflushed is gfs2, which makes the store wait; a kernel's does not flush what it has written directly either.
func overtakenUnflushed(target string) prog.Row {
	r := overtaken("gfs2", "the glock that a direct write holds keeps the faults of stores out up to its end", "gfs2_file_direct_write, gfs2_fault", "gfs2_glock_wait", "inode_dio_wait")
	if r.Target = target; target == "vm" {
		known := unflushed()
		r.Known, r.Why, r.Kernel = true, known.Why, known.Kernel
	}
	return r
}
