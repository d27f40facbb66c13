package coherence

import (
	"github.com/iomapcheck/iomapcheck/cases/rows"
	"github.com/iomapcheck/iomapcheck/harness/prog"
)

// Two direct writes to different sectors of one unwritten block each zero the rest of it: they must take turns, or one zeroes
// what the other wrote.
func unalignedIntoUnwritten() prog.Case {
	end := []prog.Run{{Len: sector, Fill: "a"}, {Len: sector, Fill: "b"}, {Len: 3 * prog.KiB, Fill: "."}}
	over := []prog.Run{{Len: sector, Fill: "a"}, {Len: sector, Fill: "b"}, {Len: 3 * prog.KiB, Fill: "a"}}
	return prog.Case{
		ID:     "coherence/unaligned-into-unwritten",
		Rule:   "of two direct writes to different parts of one unwritten block none loses its bytes, and the rest of the block reads as zeros",
		Kernel: "xfs_file_dio_write_unaligned, ext4_dio_write_checks → inode_dio_wait; iomap_dio_bio_iter → iomap_dio_zero",
		Source: "xfs: serialise unaligned direct IOs; xfstests generic/240 hopes for the overlap",
		Needs:  []string{"disk"},
		Variants: []prog.Variant{{Program: prog.New(
			prog.Fallocate("f", 0, 4*prog.KiB, prog.FallocAlloc), prog.Fsync("f"),
			prog.Hold(prog.Writes).Of("f", 0, sector),
			prog.Go("first", prog.DirectWrite("f", 0, sector, 'a')),
			prog.AwaitHeld(1),
			prog.Go("second", prog.DirectWrite("f", sector, sector, 'b').As("second")),
			prog.AwaitBlocked("second"),
			prog.Release(), prog.Join("first"), prog.Join("second"),
			prog.Read("f", 0, 4*prog.KiB).ReturnsRuns(end...),
		).Witness(prog.SeenBlocked("second", "xfs_ilock", "ext4_file_write_iter", "i_rwsem", "inode_dio_wait"))}, {
			// An asynchronous write has let its lock go when it is in flight: only inode_dio_wait keeps the second one's zeros behind it.
			Name: "aio", Program: prog.New(
				prog.Fallocate("f", 0, 8*prog.KiB, prog.FallocAlloc), prog.Fsync("f"),
				prog.Hold(prog.Writes).Of("f", 0, 4*prog.KiB),
				prog.Go("first", prog.AIOWrite("w", "f", 0, 4*prog.KiB, 'a'), prog.Reap("w")),
				prog.AwaitHeld(1),
				prog.Go("second", prog.DirectWrite("f", sector, sector, 'b').As("second")),
				prog.AwaitBlocked("second"),
				prog.ReleaseNewest(8), prog.Release(), prog.Join("first"), prog.Join("second"),
				prog.Read("f", 0, 4*prog.KiB).ReturnsRuns(over...).As("after"),
			).Witness(prog.SeenBlocked("second", "inode_dio_wait", "__inode_dio_wait")),
		}},
		Rows: []prog.Row{
			rows.Journalled("nothing is zeroed around a direct write"),
			{
				FS: []string{"gfs2", "btrfs"}, Variants: []string{"aio"},
				Unsupported: "no direct write zeroes anything: gfs2 allocates blocks that hold zeros, btrfs writes whole blocks",
				Why:         "there are no unwritten blocks for a direct write of a part of one",
				Kernel:      "gfs2_fallocate, check_direct_IO",
			},
			{
				FS: []string{"f2fs"}, Variants: []string{"aio"}, Known: true,
				Why:    "a direct write of a part of a block goes through the page cache, which nothing keeps from being read and written back while a direct write of the block is in flight: the later of the two requests decides all of its bytes; seen on 6.12.117",
				Kernel: "f2fs_should_use_dio, f2fs_write_begin: no inode_dio_wait",
			},
			rows.Unflushed(""),
			{
				FS: []string{"f2fs"}, Before: "5.18",
				Witnesses: []prog.Witness{prog.SeenBlocked("second", "rwsem_down_write_slowpath")},
				Why:       "direct I/O that is not aligned to blocks goes through the page cache, and is flushed with the inode's lock held, for which the second write waits; seen on 5.10.262",
				Kernel:    "f2fs_file_write_iter: inode_lock; f2fs_direct_IO: check_direct_IO",
			},
			{
				FS:        []string{"f2fs"},
				Witnesses: []prog.Witness{prog.SeenBlocked("second", "folio_wait_writeback", "f2fs_wait_on_page_writeback")},
				Why:       "direct I/O that is not aligned to blocks goes through the page cache, where the second write waits for the first one's writeback",
				Kernel:    "f2fs_should_use_dio, f2fs_flush_buffered_write",
			},
			{
				FS: []string{"btrfs"}, Target: "vm", Before: "5.11",
				Witnesses: []prog.Witness{prog.SeenBlocked("second", "rwsem_down_write_slowpath")},
				Why:       "a direct write, also one that goes through the page cache, holds i_rwsem exclusively up to its end; seen on 5.10.262",
				Kernel:    "btrfs_file_write_iter",
			},
			{
				FS:        []string{"btrfs"},
				Witnesses: []prog.Witness{prog.SeenBlocked("second", "folio_wait_writeback", "btrfs_start_ordered_extent", "lock_and_cleanup_extent")},
				Why:       "direct I/O that is not aligned to blocks goes through the page cache, where the second write waits for the first one's writeback",
				Kernel:    "btrfs_direct_write → check_direct_IO, btrfs_buffered_write",
			},
			{
				FS:        []string{"gfs2"},
				Witnesses: []prog.Witness{prog.SeenBlocked("second", "gfs2_file_write_iter", "i_rwsem")},
				Why:       "every direct write holds i_rwsem exclusively",
				Kernel:    "gfs2_file_write_iter",
			},
		},
	}
}
