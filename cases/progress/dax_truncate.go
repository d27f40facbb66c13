package progress

import "github.com/iomapcheck/iomapcheck/harness/prog"

// The pages of a DAX mapping are the file's blocks. Truncate must wait until nobody has one pinned, and everything may be lost by how
// it waits: with its locks dropped whoever comes pins again; with them kept whoever has a page and faults for the next never ends.
//
//	main       pin page 0, pin page 1 …… unpin 0 …………… unpin 1
//	truncater  ………………… break layouts: asleep …… looks again: asleep …… done
func daxTruncate() prog.Case {
	const page = 4 * prog.KiB
	begin := func(after ...prog.Op) prog.Program {
		ops := []prog.Op{
			prog.Write("f", 0, 2*page, 'o'), prog.Fsync("f"),
			prog.Pin("f", 0, page),
			prog.Go("truncater", prog.Truncate("f", 0).NotBefore("let-go").As("truncate")),
			prog.AwaitBlocked("truncater"),
		}
		return prog.New(append(ops, after...)...).Witness(prog.SeenBlocked("truncate",
			"xfs_break_layouts", "xfs_break_dax_layouts", "xfs_wait_dax_page", "ext4_break_layouts", "ext4_wait_dax_page", "dax_break_layout"))
	}
	return prog.Case{
		ID:     "progress/dax-truncate",
		Rule:   "truncate of a DAX file returns when nobody has its pages pinned, not before, and soon after; meanwhile faults go on, and new I/O to the file does not",
		Kernel: "xfs_break_layouts, ext4_break_layouts: i_rwsem is kept, invalidate_lock is dropped while it sleeps, and it looks again",
		Source: "seed thread 5: xfs, dax: introduce xfs_break_dax_layouts() (4.18): \"this scheme can be easily livelocked\", \"if we kept IOLOCK locked, that would prevent new iocbs\"",
		Variants: []prog.Variant{
			{Name: "two", Program: prog.New(
				prog.Write("f", 0, 2*page, 'o'), prog.Fsync("f"),
				prog.Pin("f", 0, page), prog.Pin("f", page, page),
				prog.Go("truncater", prog.Truncate("f", 0).NotBefore("let-go").As("truncate")),
				prog.AwaitBlocked("truncater"),
				prog.Unpin("f", 0, page),
				prog.AwaitBlocked("truncater"),
				prog.Unpin("f", page, page).As("let-go"),
				prog.Join("truncater"), prog.FileSize("f").Counts(0),
			).Witness(begin().Witnesses...)},
			// Who has a page pinned needs another one: neither may wait for the other.
			{Name: "fault", Program: begin(
				prog.Load("f", page, page).Returns('o'),
				prog.Unpin("f", 0, page).As("let-go"),
				prog.Join("truncater"), prog.FileSize("f").Counts(0),
			)},
			// There is a page pinned at any time, each by a new fault. Truncate has looked again, and unmapped everything, before the next: what is
			// mapped when the last pin goes is another variant's affair.
			{Name: "overlapping", Program: begin(
				prog.Repeat(3,
					prog.Pin("f", page, page), prog.Unpin("f", 0, page), prog.AwaitBlocked("truncater"),
					prog.Pin("f", 0, page), prog.Unpin("f", page, page), prog.AwaitBlocked("truncater"),
				),
				prog.Unpin("f", 0, page).As("let-go"),
				prog.Join("truncater"), prog.FileSize("f").Counts(0),
			)},
			// Somebody touches the page while truncate waits for its pin. A mapping is no reason to wait: truncate unmaps.
			//
			//	main       pin page 0 …………………………………………………… touch page 0 …… unpin
			//	truncater  …………………… unmap, look: pinned, asleep ………………………… done
			{Name: "touched", Program: begin(
				prog.Load("f", 0, page).Returns('o'),
				prog.Unpin("f", 0, page).As("let-go"),
				prog.Join("truncater"), prog.FileSize("f").Counts(0),
			)},
			{Name: "new-io", Program: begin(
				prog.Go("writer", prog.Write("f", page, page, 'n').NotBefore("let-go").As("write")),
				prog.AwaitBlocked("writer"),
				prog.Unpin("f", 0, page).As("let-go"),
				prog.Join("truncater"), prog.Join("writer"), prog.FileSize("f").Counts(2*page),
				prog.Read("f", 0, 2*page).ReturnsRuns(prog.Run{Len: page, Fill: "."}, prog.Run{Len: page, Fill: "n"}),
			)},
		},
		Rows: []prog.Row{{
			FS: []string{"xfs/dax", "ext4/dax"}, Variants: []string{"touched"}, Target: "vm", Since: "6.15", Known: true, Shows: "hang",
			Why:    "a page that is mapped is not idle: since mappings count as references, whoever waits for the last of them is woken only when it is unmapped, and nobody unmaps it while truncate sleeps. Seen on 6.17.13, 7.2.13 and 7.3.4; 6.12.117 is good",
			Kernel: "dax_break_layout → wait_page_idle: dax_layout_busy_page_range unmaps before it, but not again",
			Commit: "came with fs/dax: Properly refcount fs dax pages (6.15); not mended as of 7.3.4",
		}, {
			FS: []string{
				"xfs/", "xfs/1k", "xfs/16k", "xfs/reflink", "xfs/4kn", "xfs/logdev", "xfs/quota", "xfs/rt", "ext4/", "ext4/1k", "ext4/journal", "ext4/inline", "ext4/4kn", "ext4/quota",
				"btrfs", "gfs2", "zonefs", "bcachefs", "f2fs",
			},
			Unsupported: "pinned pages of a page cache are not the file's blocks: truncate leaves them to whoever pinned them",
			Why:         "only DAX pages have to be idle before their blocks are freed",
			Kernel:      "truncate_inode_pages_range",
		}},
	}
}
