package coherence

import "github.com/iomapcheck/iomapcheck/harness/prog"

// The file ends inside a page. A mapping reaches the whole page, and what is stored there behind the end belongs to nobody: it must
// neither reach the disk nor become part of the file when that grows.
//
//	page   |o|  |x|      |      the file ends behind o; x is stored
//	page   |o|· · · |n|         a write further on: zeros up to it
func bytesBehindEOF() prog.Case {
	const kib = prog.KiB
	behind := func(grow prog.Op, read prog.Op) prog.Program {
		return prog.New(
			prog.Fallocate("f", 0, 4*kib, prog.FallocKeep),
			prog.Write("f", 0, sector, 'o'),
			prog.Store("f", kib, sector, 'x'),
			grow, read,
		).Witness(stored())
	}
	end := prog.Run{Len: sector, Fill: "o"}
	return prog.Case{
		ID:     "coherence/bytes-behind-eof",
		Rule:   "bytes behind the end of the file, stored through a mapping or left by a truncate, read as zeros once the file has grown over them, and never reach the disk",
		Kernel: "iomap_zero_range over unwritten blocks, xfs_file_write_checks, ext4_zero_partial_blocks, gfs2_clear_beyond_eof, btrfs_cont_expand; iomap_writepage_handle_eof; truncate_inode_partial_folio",
		Source: "mm: zero range of eof folio exposed by inode size extension (6.13), ext4: partial zero eof block on unaligned inode size extension (6.13); iomap: fix handling of dirty folios over unwritten extents (6.12); seed thread 2; xfstests generic/363",
		Variants: []prog.Variant{
			{Name: "write", Program: behind(
				prog.Write("f", 2*kib, sector, 'n'),
				prog.Read("f", 0, 2*kib+sector).ReturnsRuns(end, prog.Run{Len: 3 * sector, Fill: "."}, prog.Run{Len: sector, Fill: "n"}),
			)},
			{Name: "truncate", Program: behind(
				prog.Truncate("f", 4*kib),
				prog.Read("f", 0, 4*kib).ReturnsRuns(end, prog.Run{Len: 4*kib - sector, Fill: "."}),
			)},
			{Name: "written-back", Program: prog.New(
				prog.Write("f", 0, sector, 'o'),
				prog.Store("f", kib, sector, 'x'),
				prog.Fsync("f"), prog.Evict("f", 0, 4*kib),
				prog.Load("f", kib, sector).Returns('.'),
				prog.Write("f", 8*kib, sector, 'n'),
				prog.Read("f", 0, 8*kib+sector).ReturnsRuns(end, prog.Run{Len: 8*kib - sector, Fill: "."}, prog.Run{Len: sector, Fill: "n"}),
			).Witness(stored())},
			{Name: "cut", Program: prog.New(
				prog.Write("f", 0, 4*kib, 'o'), prog.Fsync("f"),
				prog.Truncate("f", kib), prog.Truncate("f", 4*kib),
				prog.Read("f", 0, 4*kib).ReturnsRuns(prog.Run{Len: kib, Fill: "o"}, prog.Run{Len: 3 * kib, Fill: "."}),
			).Witness(cached())},
		},
		Rows: []prog.Row{
			{
				FS: []string{"ext4/dax"}, Variants: []string{"truncate"}, Before: "6.12", Known: true,
				Why:    "the block that the file ends in is not zeroed when the file grows",
				Kernel: "ext4_setattr",
				Commit: "ext4: partial zero eof block on unaligned inode size extension",
			},
			{
				FS: []string{"ext4/dax"}, Variants: []string{"write"}, Target: "vm", Before: "7.1", Known: true,
				Witnesses: []prog.Witness{prog.Fired("iomapcheck:dax_iomap_rw", 1)},
				Why:       "a write further on zeroes nothing of the block that the file ends in, to which a mapping has stored; seen on 6.12.117",
				Kernel:    "ext4_dax_write_iter, ext4_write_checks",
				Commit:    "ext4: zero post-EOF partial block before appending write",
			},
			copied("a mapping stores behind the end on the storage itself, and growing zeroes it there", "write", "truncate", "cut"),
			{
				FS: []string{"xfs/dax", "ext4/dax"}, Variants: []string{"written-back"},
				Unsupported: "what is stored behind the end is on the storage at once: no writeback could leave it out",
				Why:         "a mapping shows the storage itself",
				Kernel:      "dax_iomap_fault",
			},
			{
				FS: []string{"bcachefs"}, Variants: []string{"write"}, Known: true,
				Why:    "a write zeroes nothing of the folio that the file ends in, to which a mapping has stored behind the end; seen on 6.12.117",
				Kernel: "__bch2_buffered_write",
			},
			{
				FS: []string{"gfs2"}, Variants: []string{"write", "truncate"}, Target: "vm", Since: "6.17", Known: true,
				Why:    "the rest of the page is cleared, as on 6.12.117, and what was stored there shows all the same: seen on 6.17.13, 7.2.13 and 7.3.4; the cause was not found",
				Kernel: "gfs2_clear_beyond_eof → gfs2_block_zero_range",
			},
			{
				FS: []string{"btrfs"}, Variants: []string{"write"}, Before: "6.1", Known: true,
				Why:    "a write into the block that the file ends in expands nothing, since the block begins before the end; seen on 5.10.223",
				Kernel: "btrfs_file_write_iter: start_pos > oldsize",
				Commit: "btrfs: fix hole expansion when writing at an offset beyond EOF",
			},
			{
				FS: []string{"xfs", "ext4", "gfs2"}, Variants: []string{"write", "truncate"}, Before: "6.12", Known: true,
				Why:    "unwritten blocks are taken for zeros although a dirty folio is over them (xfs), or the block that the file ends in is not zeroed at all; seen on 6.1.192",
				Kernel: "iomap_zero_iter, ext4_setattr, gfs2_file_buffered_write",
				Commit: "iomap: fix handling of dirty pagecache over unwritten extents; ext4: partial zero eof block on unaligned inode size extension",
			},
			{
				FS: []string{"f2fs"}, Variants: []string{"write", "truncate"}, Before: "6.12", Known: true,
				Why:    "the block that the file ends in is not zeroed when the file grows; seen on 5.10.262 and 6.1.192, not on 6.12.117",
				Kernel: "f2fs_setattr, f2fs_file_write_iter",
				Commit: "f2fs: fix to zero post-eof page",
			},
			{
				FS: []string{"ext4/1k"}, Variants: []string{"write", "truncate"}, Before: "6.13", Known: true,
				Why:    "only the block that the file ends in is zeroed, not the page's other blocks, which were stored to behind the end",
				Kernel: "ext4_setattr, ext4_block_truncate_page; pagecache_isize_extended",
				Commit: "mm: zero range of eof folio exposed by inode size extension",
			},
		},
	}
}
