package coherence

import (
	"github.com/iomapcheck/iomapcheck/cases/rows"
	"github.com/iomapcheck/iomapcheck/harness/prog"
)

// A direct write to blocks that two files share goes to new blocks, which become the file's when the data is on them. A part of a
// shared block cannot be written directly: the rest of the new one would have to be copied.
func cloneDirectWrite() prog.Case {
	const kib = prog.KiB
	after := prog.Content{{Len: kib, Fill: "o"}, {Len: sector, Fill: "n"}, {Len: 3*kib - sector, Fill: "o"}}
	clone := []prog.Op{prog.Write("f", 0, 4*kib, 'o'), prog.Fsync("f"), prog.Clone("f", "g")}
	return prog.Case{
		ID:     "coherence/clone-direct-write",
		Rule:   "a direct write to blocks that a clone shares changes the one file alone; until it is done a read returns old or new bytes, and what it does not cover of a block stays",
		Kernel: "xfs_dio_write_end_io → xfs_reflink_end_cow; xfs_file_dio_write_unaligned (trace_xfs_reflink_bounce_dio_write)",
		Source: "xfs: implement CoW for directio writes (4.9); xfstests generic/165, generic/170",
		Needs:  []string{"disk"},
		Variants: []prog.Variant{
			{Name: "block", Program: prog.New(append(clone,
				prog.Hold(prog.Writes).Of("f", 0, 4*kib),
				// Synchronously: beside an asynchronous write whoever closes the file waits for it, as the reader's process does when it ends
				// (xfs_file_release → xfs_free_eofblocks → inode_dio_wait).
				prog.Go("writer", prog.DirectWrite("f", 0, 4*kib, 'n')),
				prog.AwaitHeld(1),
				prog.DirectRead("f", 0, 4*kib).OneOf("on").MayBlock().As("early"),
				prog.Release(), prog.Join("writer"),
				prog.Read("f", 0, 4*kib).Returns('n'),
				prog.Read("g", 0, 4*kib).Returns('o'),
			)...).Witness(prog.WhileHeld("early"))},
			{Name: "part", Program: prog.New(append(clone,
				prog.DirectWrite("f", kib, sector, 'n'),
				prog.DirectRead("f", 0, 4*kib).ReturnsRuns(after...),
				prog.Read("f", 0, 4*kib).ReturnsRuns(after...),
				prog.Read("g", 0, 4*kib).Returns('o'),
			)...).Witness(direct())},
		},
		Rows: []prog.Row{
			rows.Journalled("direct I/O is buffered"),
			{
				FS: []string{"btrfs/"}, Variants: []string{"block"}, Since: "6.15", Backports: []string{"6.12.77"}, Before: "7.3",
				Witnesses: []prog.Witness{prog.SeenBlocked("early", "folio_wait_writeback", "folio_wait_bit_common")},
				Why:       "a direct write to a file with checksums is carried out through the page cache: what is held is its writeback, which the direct read waits for",
				Kernel:    "btrfs_direct_write, check_direct_IO; kiocb_write_and_wait",
				Commit:    "btrfs: always fallback to buffered write if the inode requires checksum",
			},
			waitsForOrdered("early", "block"),
		},
	}
}

// waitsForOrdered is the row of btrfs for a direct read of a range that is being written directly.
func waitsForOrdered(label string, variants ...string) prog.Row {
	return prog.Row{
		FS: []string{"btrfs"}, Variants: variants,
		Witnesses: []prog.Witness{prog.SeenBlocked(label, "btrfs_start_ordered_extent", "lock_extent_direct", "btrfs_dio_iomap_begin", "btrfs_inode_lock")},
		Why:       "a direct read waits for the ordered extents of its range, and so for the write, or for its i_rwsem",
		Kernel:    "lock_extent_direct → btrfs_start_ordered_extent; btrfs_direct_read → btrfs_inode_lock",
	}
}
