package coherence

import "github.com/iomapcheck/iomapcheck/harness/prog"

// A copy that a page fault cuts short ends inside a folio whose other bytes were never read: what lies behind must stay what it was.
//
//	file    |o o|n n n n|o o o o o o|   a write of n over [2k, 12k) from memory that ends after 4k
//	folio   |   0   |   1   |   2   |   folio 1 is not uptodate: it is read, and filled again
func shortCopy() prog.Case {
	const kib = prog.KiB
	return prog.Case{
		ID:     "coherence/short-copy",
		Rule:   "a buffered read or write whose memory cannot be touched from some byte on returns the count up to there, and leaves everything behind as it was",
		Kernel: "iomap_write_iter, __iomap_write_end (copied < len), iomap_write_delalloc_release; filemap_read; gfs2_iomap_end",
		Source: "iomap: buffered write failure should not truncate the page cache (6.2), xfs: punching delalloc extents on write failure is racy; xfstests generic/443",
		Variants: []prog.Variant{
			{Name: "overwrite", Program: prog.New(
				prog.Write("f", 0, 12*kib, 'o'), prog.Fsync("f"), prog.DropCaches(),
				prog.Write("f", 2*kib, 10*kib, 'n').Guard(4*kib).Counts(4*kib).As("write"),
				prog.Read("f", 0, 12*kib).ReturnsRuns(prog.Run{Len: 2 * kib, Fill: "o"}, prog.Run{Len: 4 * kib, Fill: "n"}, prog.Run{Len: 6 * kib, Fill: "o"}).As("after"),
			).Witness(cached())},
			// What the write has reserved and not filled is given back, but for what a store has used meanwhile.
			{Name: "beside-store", Program: prog.New(
				prog.Truncate("f", 16*kib),
				prog.Go("storer", prog.Store("f", 8*kib, 4*kib, 's')),
				prog.Write("f", 0, 16*kib, 'n').Guard(4*kib).Counts(4*kib).As("write"),
				prog.Join("storer"),
				prog.Read("f", 0, 16*kib).ReturnsRuns(
					prog.Run{Len: 4 * kib, Fill: "n"}, prog.Run{Len: 4 * kib, Fill: "."}, prog.Run{Len: 4 * kib, Fill: "s"}, prog.Run{Len: 4 * kib, Fill: "."},
				).As("after"),
			).Witness(stored())},
			{Name: "read", Program: prog.New(
				prog.Write("f", 0, 8*kib, 'o'),
				prog.Read("f", 0, 8*kib).Guard(4*kib).Counts(4*kib).Returns('o'),
			).Witness(cached())},
		},
		Rows: []prog.Row{copied("there is no folio to fill, and new blocks are zeroed before anybody sees them"), {
			FS: []string{"btrfs"}, Variants: []string{"overwrite"}, Before: "5.16",
			Expect: map[string]prog.Expect{"write": {Counts: []int64{2 * kib}, Errnos: []string{"EFAULT"}}, "after": {OneOf: "on"}},
			Why:    "a piece of a write fails as a whole if its last byte cannot be read: nothing is copied where the first piece is the whole write; seen on 5.10.223",
			Kernel: "btrfs_buffered_write → iov_iter_fault_in_readable of write_bytes",
			Commit: "iov_iter: Turn iov_iter_fault_in_readable into fault_in_iov_iter_readable",
		}, {
			// 6.12.117 and 7.2.13 were seen to return 4k; nothing between them but 6.17.13 and 6.18.44 was tried.
			FS: []string{"btrfs"}, Variants: []string{"overwrite"}, Target: "vm", Since: "6.17", Before: "6.19",
			Expect: map[string]prog.Expect{
				"write": {Counts: []int64{2 * kib}, Errnos: []string{"EFAULT"}},
				"after": {OneOf: "ons."},
			},
			Why:    "a piece of a write is what lies in one folio, and nothing is taken of one that would have to be read and cannot be copied in full: the count ends with the folio before; seen on 6.17.13 and 6.18.44",
			Kernel: "btrfs_buffered_write → copy_one_range",
		}, {
			FS: []string{"btrfs"}, Variants: []string{"overwrite", "beside-store"},
			Expect: map[string]prog.Expect{
				"write": {Counts: []int64{4 * kib}, Errnos: []string{"EFAULT"}},
				"after": {OneOf: "ons."},
			},
			Why:    "a write whose memory is not there for as many pages as are prepared at a time fails before it copies any; seen on 6.12",
			Kernel: "btrfs_buffered_write: fault_in_iov_iter_readable of all of write_bytes",
		}, {
			Variants: []string{"overwrite"}, Before: "5.16",
			Expect: map[string]prog.Expect{
				"write": {Counts: []int64{2 * kib}},
				"after": {Exact: prog.Content{{Len: 2 * kib, Fill: "o"}, {Len: 2 * kib, Fill: "n"}, {Len: 8 * kib, Fill: "o"}}},
			},
			Why:    "a piece of a write fails as a whole if its last byte cannot be read: the count ends with the page before; seen on 5.10.223",
			Kernel: "iomap_write_actor, generic_perform_write → iov_iter_fault_in_readable",
			Commit: "iov_iter: Turn iov_iter_fault_in_readable into fault_in_iov_iter_readable",
		}, {
			FS: []string{"xfs"}, Variants: []string{"beside-store"}, Target: "refengine", Before: "6.1", Known: true,
			Why:    "what a write has reserved and not filled is punched out of the cache with what was stored there meanwhile; met now and then on 5.10, where it stays a failure, since a listed divergence must show every time",
			Kernel: "xfs_buffered_write_iomap_end → truncate_pagecache_range",
			Commit: "iomap: buffered write failure should not truncate the page cache (6.2, 6.1.92)",
		}, {
			FS: []string{"bcachefs"}, Variants: []string{"overwrite"}, Target: "vm",
			Expect: map[string]prog.Expect{
				"write": {Counts: []int64{2 * kib}},
				"after": {Exact: prog.Content{{Len: 2 * kib, Fill: "o"}, {Len: 2 * kib, Fill: "n"}, {Len: 8 * kib, Fill: "o"}}},
			},
			Why:    "of a folio that is not uptodate, inside the file, nothing is taken unless all of it can be copied: the count ends with the folio before; seen on 6.12.117",
			Kernel: "__bch2_buffered_write: iov_iter_revert",
		}},
	}
}
