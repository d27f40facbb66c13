package coherence

import "github.com/iomapcheck/iomapcheck/harness/prog"

// A file of a few bytes may stand in its inode. It has no blocks then: direct I/O reads the inode's copy, writes go through the cache,
// and the data moves to a block before the file outgrows the inode.
//
//	inode   | o o o |            read directly, and through a mapping
//	block   | o o o · · · n |    after a write further on
func smallFile() prog.Case {
	const small, far = 100, 8 * prog.KiB
	begin := func(rest ...prog.Op) prog.Program {
		return prog.New(append([]prog.Op{prog.Write("f", 0, small, 'o'), prog.Fsync("f")}, rest...)...).Witness(cached())
	}
	old := prog.Run{Len: small, Fill: "o"}
	return prog.Case{
		ID:     "coherence/small-file",
		Rule:   "a file small enough to stand in its inode reads the same directly, through the cache and through a mapping, and keeps its bytes when it is cut, grows, or is written directly",
		Kernel: "gfs2_unstuff_dinode, gfs2_stuffed_iomap, iomap_dio_inline_iter, iomap_read_inline_data, iomap_write_end_inline; ext4_convert_inline_data, ext4_destroy_inline_data",
		Source: "iomap: inline data should be an iomap type, not a flag (4.19), gfs2: Fix stuffed file direct I/O; xfstests generic/091 by size",
		Variants: []prog.Variant{
			{Name: "direct", Program: begin(
				prog.DirectRead("f", 0, 4*prog.KiB).Counts(small).Returns('o').MayFail("EINVAL"),
				prog.DirectWrite("f", 0, 4*prog.KiB, 'n'),
				prog.DirectRead("f", 0, 4*prog.KiB).Returns('n'),
				prog.Load("f", 0, 4*prog.KiB).Returns('n'),
			)},
			{Name: "grown", Program: begin(
				prog.Load("f", 0, small).Returns('o'),
				prog.Write("f", far, small, 'n'),
				prog.Read("f", 0, far+small).ReturnsRuns(old, prog.Run{Len: far - small, Fill: "."}, prog.Run{Len: small, Fill: "n"}),
				prog.DropCaches(),
				prog.Load("f", 0, far).ReturnsRuns(old, prog.Run{Len: far - small, Fill: "."}),
			)},
			{Name: "stored", Program: begin(
				prog.Store("f", 0, small/2, 's'),
				prog.Fsync("f"), prog.DropCaches(),
				prog.Read("f", 0, small).ReturnsRuns(prog.Run{Len: small / 2, Fill: "s"}, prog.Run{Len: small / 2, Fill: "o"}),
			)},
			{Name: "cut", Program: begin(
				prog.Truncate("f", small/2), prog.Truncate("f", small),
				prog.Read("f", 0, small).ReturnsRuns(prog.Run{Len: small / 2, Fill: "o"}, prog.Run{Len: small / 2, Fill: "."}),
				prog.Truncate("f", far),
				prog.Read("f", 0, far).ReturnsRuns(prog.Run{Len: small / 2, Fill: "o"}, prog.Run{Len: far - small/2, Fill: "."}),
			)},
			{Name: "written-beside", Program: begin(
				prog.Go("reader", prog.Read("f", 0, small).OneOf("on")),
				prog.Write("f", 0, small, 'n'),
				prog.Join("reader"),
				prog.Write("f", small, small, 'm'),
				prog.Read("f", 0, 2*small).ReturnsRuns(prog.Run{Len: small, Fill: "n"}, prog.Run{Len: small, Fill: "m"}),
			)},
		},
		Rows: []prog.Row{
			{
				FS: []string{"ext4/inline"}, Variants: []string{"stored"}, Target: "vm", Known: true,
				Why:    "a store moves the inode's data to a block through the journal, as metadata; the checkpoint at unmount writes that copy over what the mapping stored and fsync wrote. Seen on 6.1.192 and 6.12.117",
				Kernel: "ext4_page_mkwrite → ext4_convert_inline_data_nolock: ext4_handle_dirty_metadata(data_bh)",
			},
			{
				FS: []string{"ext4/inline"}, Variants: []string{"cut"}, Target: "vm", Before: "6.12", Known: true,
				Why:    "growing moves the inode's data to a block through the journal: direct I/O reads the block's place before anything is written there. Seen on 6.1.192",
				Kernel: "ext4_convert_inline_data_nolock: ext4_handle_dirty_metadata(data_bh)",
			},
		},
	}
}
