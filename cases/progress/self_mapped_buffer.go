package progress

import (
	"github.com/iomapcheck/iomapcheck/cases/rows"
	"github.com/iomapcheck/iomapcheck/harness/prog"
)

// The buffer of direct I/O maps the very file. A write throws the pages out that it is about to pin, and must fault them in again; a
// fault may need the locks that it holds. Three ends are allowed: it is done directly, through the page cache, or fails with
// EFAULT. To try again for ever is the fourth.
//
//	invalidate [0, 4k) → pin the buffer: not present → fault it in → invalidate [0, 4k) → …
func selfMappedBuffer() prog.Case {
	const page, far = 4 * prog.KiB, prog.Period
	begin := []prog.Op{prog.Write("f", 0, page, 'o'), prog.Fsync("f"), prog.Load("f", 0, page).Returns('o')}
	elsewhere := []prog.Op{
		prog.Write("f", 0, page, 'o'), prog.Write("f", far, page, 'n'), prog.Fsync("f"), prog.DropCaches(),
	}
	return prog.Case{
		ID:     "progress/self-mapped-buffer",
		Rule:   "direct I/O between a file and a mapping of the same bytes, or of each other's, comes to an end, and the bytes stay what they are",
		Kernel: "btrfs_direct_write, gfs2_file_direct_write (should_fault_in_pages), bch2_page_fault (faults_disabled_mapping)",
		Source: "seed thread 4: \"it will currently livelock in an indefinite retry loop. It should rather return error or fall back to buffered IO\"; xfstests generic/647, generic/729",
		Variants: []prog.Variant{
			{Name: "write", Program: prog.New(append(begin,
				prog.DirectWrite("f", 0, page, 'o').Via("f", 0).As("dio"),
				prog.Read("f", 0, page).Returns('o'),
			)...).Witness(prog.Fired("iomapcheck:__iomap_dio_rw", 1))},
			{Name: "read", Program: prog.New(append(begin,
				prog.DirectRead("f", 0, page).Via("f", 0).Returns('o').As("dio"),
				prog.Read("f", 0, page).Returns('o'),
			)...).Witness(prog.Fired("iomapcheck:__iomap_dio_rw", 1))},
			// The buffer maps another part of the file.
			{Name: "write-elsewhere", Program: prog.New(append(elsewhere,
				prog.DirectWrite("f", 0, page, 'n').Via("f", far).As("dio"),
				prog.Read("f", 0, page).Returns('n').As("after"), prog.Load("f", far, page).Returns('n'),
			)...).Witness(prog.Fired("iomapcheck:__iomap_dio_rw", 1))},
			{Name: "read-elsewhere", Program: prog.New(append(elsewhere,
				prog.DirectRead("f", 0, page).Via("f", far).Returns('o').As("dio"),
				prog.Read("f", far, page).Returns('o'), prog.Load("f", 0, page).Returns('o'),
			)...).Witness(prog.Fired("iomapcheck:__iomap_dio_rw", 1))},
			{Name: "crosswise", Program: prog.New(
				prog.Write("f", 0, page, 'o'), prog.Fsync("f"), prog.Write("g", 0, page, 'o'), prog.Fsync("g"),
				prog.Go("one", prog.DirectWrite("f", 0, page, 'o').Via("g", 0)),
				prog.Go("two", prog.DirectWrite("g", 0, page, 'o').Via("f", 0)),
				prog.Join("one"), prog.Join("two"),
				prog.Read("f", 0, page).Returns('o'), prog.Read("g", 0, page).Returns('o'),
			).Witness(prog.Fired("iomapcheck:__iomap_dio_rw", 1))},
		},
		Rows: []prog.Row{
			rows.GlockOverFault("crosswise"), rows.GlockTwice("read", "write", "read-elsewhere", "write-elsewhere"),
			{
				FS: []string{"btrfs"}, Variants: []string{"read", "write"}, Before: "5.16", Known: true, Shows: "hang",
				Why:    "the range is locked while its own memory is faulted in, and the fault needs the range",
				Kernel: "btrfs_dio_iomap_begin → lock_extent_direct; btrfs_readpage → btrfs_lock_and_flush_ordered_range",
				Commit: "btrfs: fix deadlock due to page faults during direct IO reads and writes",
			},
			{
				FS: []string{"btrfs"}, Variants: []string{"read-elsewhere", "write-elsewhere"}, Target: "vm", Before: "5.16", Known: true, Shows: "hang",
				Why:    "the range is locked while its memory is faulted in, and the fault reads around its page, also from the range; seen on 5.10.262. The engine reads no page that nobody asked for",
				Kernel: "btrfs_dio_iomap_begin → lock_extent_direct; btrfs_readahead → contiguous_readpages → btrfs_lock_and_flush_ordered_range",
				Commit: "btrfs: fix deadlock due to page faults during direct IO reads and writes",
			},
			{
				FS: []string{"btrfs"}, Variants: []string{"crosswise"}, Target: "refengine", Before: "5.16", Known: true, Shows: "hang",
				Why:    "the range is locked while its own memory is faulted in, and the fault needs the other's: on a kernel the two must meet at the right moment",
				Kernel: "btrfs_dio_iomap_begin → lock_extent_direct; btrfs_readpage → btrfs_lock_and_flush_ordered_range",
				Commit: "btrfs: fix deadlock due to page faults during direct IO reads and writes",
			},
			rows.Journalled("nothing is invalidated or pinned"),
			{
				FS: []string{"gfs2"}, Variants: []string{"read"}, Since: "5.16", Known: true, Shows: "hang",
				Why:    "a direct read changes the glock's state, which drops the page that was just faulted in, and tries again without an end; it can be killed. Seen on 6.1 to 7.3",
				Kernel: "gfs2_file_direct_read: goto retry without the write's count of retries",
			},
			rows.Checksummed("nothing is invalidated or pinned", "write", "write-elsewhere", "crosswise"),
			{
				FS: []string{"bcachefs"}, Variants: []string{"write-elsewhere"},
				Expect: map[string]prog.Expect{"dio": {Errnos: []string{"EFAULT"}}, "after": {OneOf: "on"}},
				Why:    "a fault in the file that is being written is refused while its buffer is pinned, whichever part of it",
				Kernel: "bch2_page_fault: current->faults_disabled_mapping",
			},
			{
				FS: []string{"bcachefs"}, Variants: []string{"write"},
				Expect: map[string]prog.Expect{"dio": {Errnos: []string{"EFAULT"}, MustFail: true}},
				Why:    "a fault in the file that is being written is refused while its buffer is pinned",
				Kernel: "bch2_page_fault: current->faults_disabled_mapping",
			},
		},
	}
}
