package coherence

import (
	"github.com/iomapcheck/iomapcheck/cases/rows"
	"github.com/iomapcheck/iomapcheck/harness/prog"
)

// Blocks are shared while a direct write to them is in flight: the clone has old or new bytes, and what is written to the file
// afterwards is none of its business.
//
//	writer   direct write n ─── held on the disk ─────────┐ done ……… direct write z
//	main     …………………………… clone: waits …………… release             clone: o or n, never z
func cloneDuringDirectWrite() prog.Case {
	program := func(share prog.Op, write ...prog.Op) prog.Program {
		return prog.New(
			prog.Write("f", 0, whole, 'o'), prog.Fsync("f"),
			prog.Hold(prog.Writes).Of("f", 0, whole),
			prog.Go("writer", write...),
			prog.AwaitHeld(1),
			prog.Go("sharer", share.NotBefore("let-go").As("share")),
			prog.AwaitBlocked("sharer"),
			prog.Release().As("let-go"), prog.Join("writer"), prog.Join("sharer"),
			prog.DirectWrite("f", 0, whole, 'z'),
			prog.Read("g", 0, whole).OneOf("on").As("clone"),
			prog.Read("f", 0, whole).Returns('z'),
		).Witness(prog.SeenBlocked("share",
			"xfs_reflink_remap_prep", "xfs_ilock2_io_mmap", "xfs_iolock_two_inodes_and_break_layout", "inode_dio_wait", "__inode_dio_wait",
			"btrfs_remap_file_range", "btrfs_inode_lock", "lock_two_nondirectories", "btrfs_wait_ordered_range", "btrfs_start_ordered_extent",
			"folio_wait_writeback", "wait_on_page_writeback", "i_rwsem"))
	}
	clone, copying := prog.Clone("f", "g"), prog.CopyRange("f", 0, whole, "g", 0)
	return prog.Case{
		ID:     "coherence/clone-during-direct-write",
		Rule:   "sharing blocks that a direct write in flight goes to waits for it, and shows old or new bytes; a direct write afterwards shows in the file alone",
		Kernel: "xfs_reflink_remap_prep → inode_dio_wait; btrfs_remap_file_range_prep → btrfs_wait_ordered_range",
		Source: "generic_remap_file_range_prep: inode_dio_wait of both files; xfstests generic/164, generic/165 by chance",
		Needs:  []string{"disk"},
		Variants: []prog.Variant{
			{Name: "clone", Program: program(clone, prog.DirectWrite("f", 0, whole, 'n'))},
			{Name: "clone-aio", Program: program(clone, prog.AIOWrite("w", "f", 0, whole, 'n'), prog.Reap("w"))},
			{Name: "clone-uring", Program: program(clone, prog.UringWrite("w", "f", 0, whole, 'n').With(prog.Direct), prog.Reap("w"))},
			{Name: "copy", Program: program(copying, prog.DirectWrite("f", 0, whole, 'n'))},
			{Name: "copy-aio", Program: program(copying, prog.AIOWrite("w", "f", 0, whole, 'n'), prog.Reap("w"))},
		},
		Rows: []prog.Row{
			rows.Journalled("no direct write is in flight"),
			{
				FS: []string{"ext4", "bcachefs", "f2fs"}, Variants: []string{"copy", "copy-aio"},
				Unsupported: "a copy is made through the page cache, as by a buffered read and a buffered write, which other rules are about",
				Why:         "no blocks are shared", Kernel: "vfs_copy_file_range → do_splice_direct",
			},
			{
				FS: []string{"gfs2"}, Variants: []string{"copy", "copy-aio"},
				Witnesses: []prog.Witness{prog.SeenBlocked("share", "gfs2_glock_wait", "inode_dio_wait")},
				Why:       "a copy is made through the page cache, and reading the source waits for its glock, which the direct write holds, or for the write",
				Kernel:    "copy_splice_read → gfs2_file_read_iter → gfs2_glock_wait",
			},
		},
	}
}
