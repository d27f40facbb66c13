package fallback

import (
	"github.com/iomapcheck/iomapcheck/cases/rows"
	"github.com/iomapcheck/iomapcheck/harness/prog"
)

// A direct write may be done in two parts, the first directly and the rest through the page cache, and the disk may refuse either. Three
// outcomes are allowed: the full count, the count of a first part that is on the disk, or an error. A count that the disk does not
// bear out is the fourth.
//
//	blocks   |mapped  |hole    |
//	write    |direct  |cache   |      one of the two is refused
func outcomes() prog.Case {
	const half = whole / 2
	program := func(at int64, stays prog.Op) prog.Program {
		return prog.New(
			prog.Write("f", 0, half, 'o'), prog.Fsync("f"), prog.Truncate("f", whole), prog.Fsync("f"),
			prog.Fail(prog.Writes, "EIO", 0).Of("f", at, half),
			prog.DirectWrite("f", 0, whole, 'n').Counts(half).MayFail("EIO").As("write"),
			stays,
		).Witness(prog.Fired("iomapcheck:__iomap_dio_rw", 1))
	}
	return prog.Case{
		ID:     "fallback/outcomes",
		Rule:   "a direct write of which the disk refuses a part never returns its full count: it fails with EIO, or returns the count of a first part that is on the disk",
		Kernel: "direct_write_fallback; iomap_dio_complete; gfs2_file_write_iter",
		Source: "fs: factor out a direct_write_fallback helper (6.5); seed thread 3",
		Needs:  []string{"disk"},
		Variants: []prog.Variant{
			{Name: "first", Program: program(0, prog.Read("f", half, half).OneOf("n."))},
			{Name: "second", Program: program(half, prog.Read("f", 0, half).OneOf("on"))},
		},
		Rows: []prog.Row{
			rows.Journalled("what fails is the journal, and the filesystem with it"),
			{
				FS: []string{"f2fs"}, Variants: []string{"second"}, Known: true,
				Why:    "blocks are the file's before their data is on the disk: coherence/refused-writeback~append; seen on 7.2.13",
				Kernel: "f2fs_preallocate_blocks, f2fs_map_blocks",
			},
			{
				FS: []string{"gfs2"}, Variants: []string{"second"}, Target: "vm", Known: true,
				Why:    "blocks are the file's before their data is on the disk: where the disk refuses that, the file shows what the blocks held before: coherence/refused-writeback~append; seen on 6.12.117",
				Kernel: "gfs2_iomap_alloc: IOMAP_MAPPED; gfs2_ordered_write",
			},
			{
				FS: []string{"btrfs/"}, Since: "6.15", Backports: []string{"6.12.77"}, Before: "7.3",
				Witnesses: []prog.Witness{prog.Fired("filemap:filemap_set_wb_err", 1)},
				Why:       "a direct write to a file with checksums is carried out through the page cache",
				Kernel:    "btrfs_direct_write, check_direct_IO",
				Commit:    "btrfs: always fallback to buffered write if the inode requires checksum",
			},
			{
				FS:          []string{"zonefs"},
				Unsupported: "a zone has no holes",
				Why:         "nothing is allocated",
				Kernel:      "zonefs_file_write_iter",
			},
		},
	}
}
