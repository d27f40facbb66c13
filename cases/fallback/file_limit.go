package fallback

import (
	"github.com/iomapcheck/iomapcheck/cases/rows"
	"github.com/iomapcheck/iomapcheck/harness/prog"
)

// A limit on the size of files cuts a write that crosses it and refuses one that begins behind it. A write that falls back is checked
// twice, the second time for what is left of it.
//
//	limit    ………………………………│ half
//	write    nnnnnnnnnnnnnnnn│xxxxxxxx      → half
//	write                    │nnnn          → EFBIG
func fileLimit() prog.Case {
	const half = whole / 2
	cut := func(op prog.Op) prog.Op { return op.Counts(half) }
	behind := prog.DirectWrite("f", half, sector*8, 'x').Fails("EFBIG")
	rest := prog.Read("f", half, half).Returns('o')
	return prog.Case{
		ID:     "fallback/file-limit",
		Rule:   "a direct write that crosses the limit on the size of files returns the count up to it, and one that begins there fails with EFBIG, whether it is done directly or falls back; what is behind the limit stays",
		Kernel: "generic_write_checks → generic_write_check_limits, again in xfs_file_buffered_write and ext4_buffered_write_iter",
		Source: "xfstests generic/394 has the limit with buffered writes",
		Variants: []prog.Variant{
			{Name: "direct", Program: prog.New(
				prog.Write("f", 0, whole, 'o'), prog.Fsync("f"),
				prog.FileLimit(half),
				cut(prog.DirectWrite("f", 0, whole, 'n')), behind,
				prog.FileLimit(prog.NoLimit),
				prog.Read("f", 0, half).Returns('n'), rest,
			).Witness(direct())},
			{Name: "aio", Program: prog.New(
				prog.Write("f", 0, whole, 'o'), prog.Fsync("f"),
				prog.FileLimit(half),
				prog.AIOWrite("w", "f", 0, whole, 'n'), cut(prog.Reap("w")),
				prog.FileLimit(prog.NoLimit),
				prog.Read("f", 0, half).Returns('n'), rest,
			).Witness(direct())},
			// The file has no blocks: some file systems fall back.
			{Name: "hole", Program: prog.New(
				prog.FileLimit(half),
				cut(prog.DirectWrite("f", 0, whole, 'n')), behind,
				prog.FileSize("f").Counts(half),
				prog.Read("f", 0, half).Returns('n'),
			).Witness(direct())},
			{Name: "redirty", Program: prog.New(
				prog.Write("f", 0, whole, 'o'), prog.Fsync("f"),
				prog.Store("f", 0, whole, 'd'),
				prog.Hold(prog.Writes).Of("f", 0, whole),
				prog.Go("writer", prog.FileLimit(half), cut(prog.DirectWrite("f", 0, whole, 'n')), behind),
				prog.AwaitHeld(1),
				prog.Store("f", 0, whole, 'e').MayBlock().As("redirty"),
				prog.Release(), prog.Join("writer"),
				prog.Read("f", 0, half).Returns('n').As("after"),
				prog.Read("f", half, half).OneOf("de"),
			).Witness(prog.WhileHeld("redirty"), prog.Fired("iomap:iomap_dio_invalidate_fail", 1))},
		},
		Rows: append([]prog.Row{
			rows.Journalled("there is no direct write"),
			rows.BufferHeads("redirty"),
			{
				FS:          []string{"zonefs"},
				Unsupported: "a zone is as long as it is",
				Why:         "zonefs checks sizes in a way of its own",
				Kernel:      "zonefs_write_checks",
			},
			{
				FS: []string{"btrfs/"}, Variants: []string{"direct", "aio", "hole"}, Since: "6.15", Backports: []string{"6.12.77"}, Before: "7.3",
				Witnesses: []prog.Witness{prog.Fired("filemap:mm_filemap_add_to_page_cache", 1)},
				Why:       "a direct write to a file with checksums is carried out through the page cache",
				Kernel:    "btrfs_direct_write, check_direct_IO",
				Commit:    "btrfs: always fallback to buffered write if the inode requires checksum",
			},
			{
				FS: []string{"ext4/inline"}, Variants: []string{"hole"},
				Witnesses: []prog.Witness{prog.Fired("filemap:mm_filemap_add_to_page_cache", 1)},
				Why:       "direct I/O to a file whose data is in the inode is buffered",
				Kernel:    "ext4_should_use_dio → ext4_has_inline_data",
			},
			{
				FS: []string{"gfs2"}, Variants: []string{"hole"},
				Witnesses: []prog.Witness{prog.Fired("filemap:mm_filemap_add_to_page_cache", 1)},
				Why:       "a direct write beyond the end of the file is always buffered",
				Kernel:    "gfs2_file_direct_write",
			},
		}, overtaken("redirty")...),
	}
}
