package coherence

import (
	"github.com/iomapcheck/iomapcheck/cases/rows"
	"github.com/iomapcheck/iomapcheck/harness/prog"
)

// RWF_NOWAIT through the page cache: what is cached is read, what is on its way is not waited for, and a write takes nothing for which it
// would have to sleep.
//
//	reader   read: folios locked ─── held on the disk ────┐
//	main     …………… read, NOWAIT: EAGAIN ……… release ……… read, NOWAIT: all of it
func nowaitBuffered() prog.Case {
	const page = 4 * prog.KiB
	nowait := func(op prog.Op) prog.Op { return op.With(prog.NoWait) }
	return prog.Case{
		ID:     "coherence/nowait-buffered",
		Rule:   "a buffered read or write with RWF_NOWAIT returns while others wait for the disk; it fails with EAGAIN and changes nothing, or returns a count of bytes that are as it says",
		Kernel: "filemap_update_page (IOCB_NOWAIT), xfs_ilock_for_iomap, generic_write_checks_count (FOP_BUFFER_WASYNC)",
		Source: "fs: support IOCB_NOWAIT in generic_file_buffered_read (4.14), xfs: Add async buffered write support (6.0), btrfs: enable nowait async buffered writes (6.2)",
		Needs:  []string{"disk"},
		Variants: []prog.Variant{
			{Name: "read", Program: prog.New(
				prog.Write("f", 0, page, 'o'), prog.Fsync("f"), prog.DropCaches(),
				prog.Hold(prog.Reads).Of("f", 0, page),
				prog.Go("reader", prog.Read("f", 0, page).Returns('o')),
				prog.AwaitHeld(1),
				nowait(prog.Read("f", 0, page)).Fails("EAGAIN").As("read"),
				prog.Release(), prog.Join("reader"),
				nowait(prog.Read("f", 0, page)).Returns('o'),
			).Witness(prog.WhileHeld("read"))},
			// The folio is being read: a write of a part of it would have to wait for the rest.
			{Name: "write", Program: prog.New(
				prog.Write("f", 0, page, 'o'), prog.Fsync("f"), prog.DropCaches(),
				prog.Hold(prog.Reads).Of("f", 0, page),
				prog.Go("reader", prog.Read("f", 0, page).OneOf("on")),
				prog.AwaitHeld(1),
				nowait(prog.Write("f", sector, sector, 'n')).MayFail("EAGAIN").As("write"),
				prog.Release(), prog.Join("reader"),
				prog.Read("f", sector, sector).OneOf("on"),
				prog.Read("f", 2*sector, page-2*sector).Returns('o'),
			).Witness(prog.WhileHeld("write"))},
			// A write that has just been made leaves nothing to wait for, unless the file's times or a reservation ask for it.
			{Name: "rewrite", Program: prog.New(
				prog.Write("f", 0, page, 'o'),
				nowait(prog.Write("f", 0, page, 'n')).MayFail("EAGAIN"),
				prog.Read("f", 0, page).OneOf("on"),
				prog.Fsync("f"), prog.DropCaches(),
				prog.DirectRead("f", 0, page).OneOf("on"),
			).Witness(cached())},
		},
		Rows: []prog.Row{
			rows.Journalled("writes refuse RWF_NOWAIT"),
			refusesNowait(),
			{
				FS: []string{"ext4"}, Variants: []string{"write", "rewrite"},
				Unsupported: "buffered writes with RWF_NOWAIT are refused with EOPNOTSUPP",
				Why:         "a buffered write may have to wait for its transaction",
				Kernel:      "ext4_buffered_write_iter",
			},
			{
				FS: []string{"f2fs"}, Variants: []string{"write", "rewrite"},
				Unsupported: "buffered writes with RWF_NOWAIT are refused with EINVAL",
				Why:         "it says nowhere that its buffered writes can be told not to wait (FOP_BUFFER_WASYNC)",
				Kernel:      "generic_write_checks_count",
			},
			{
				FS: []string{"xfs", "btrfs"}, Variants: []string{"write", "rewrite"}, Before: "6.2",
				Unsupported: "buffered writes with RWF_NOWAIT are refused, by xfs before 6.0 and btrfs before 6.2",
				Why:         "FMODE_BUF_WASYNC is younger",
				Kernel:      "generic_write_checks_count",
			},
		},
	}
}
