package coherence

import (
	"github.com/iomapcheck/iomapcheck/cases/rows"
	"github.com/iomapcheck/iomapcheck/harness/prog"
)

// RWF_NOWAIT direct I/O over dirty page cache would have to wait for writeback: it must say EAGAIN at once and do nothing. So must what
// needs blocks that it cannot have at once, and what needs a lock that somebody holds:
//
//	other    fsync: i_rwsem, glock or the log held ─── on the disk ────┐
//	main     ………………… direct write, NOWAIT: EAGAIN, or done ………… release
func nowait() prog.Case {
	const page = 4 * prog.KiB
	needsBlocks := func(before []prog.Op, old prog.Fill, after ...prog.Op) prog.Program {
		ops := append(before,
			// The log, and whatever else an allocation may have to wait for, is kept busy by another file.
			prog.Write("h", 2*whole, page, 'h'),
			prog.Hold(prog.Writes).Of("h", 2*whole, page),
			prog.Go("other", prog.Fsync("h")),
			prog.AwaitHeld(1),
			prog.DirectWrite("f", 0, page, 'n').With(prog.NoWait).MayFail("EAGAIN").As("write"),
			prog.Release(), prog.Join("other"),
			prog.Read("f", 0, page).OneOf("n"+old.String()),
		)
		return prog.New(append(ops, after...)...).Witness(prog.WhileHeld("write"))
	}
	return prog.Case{
		ID:     "coherence/nowait",
		Rule:   "direct I/O with RWF_NOWAIT over dirty page cache fails with EAGAIN and changes nothing; over clean cache a read goes through; a write that needs blocks does all of it or nothing, and waits for nobody else's requests",
		Kernel: "__iomap_dio_rw → kiocb_write_and_wait, kiocb_invalidate_pages",
		Source: "fs: Introduce filemap_range_has_page (4.13), iomap: Only invalidate page cache pages on direct IO writes (5.9)",
		Needs:  []string{"disk"},
		Variants: []prog.Variant{{Name: "dirty", Program: prog.New(
			prog.Write("f", 0, whole, 'o'), prog.Fsync("f"),
			prog.Write("f", 0, whole, 'd'),
			prog.DirectRead("f", 0, whole).With(prog.NoWait).Fails("EAGAIN").As("read"),
			prog.DirectWrite("f", 0, whole, 'n').With(prog.NoWait).Fails("EAGAIN").As("write"),
			prog.Read("f", 0, whole).Returns('d'),
			prog.Fsync("f"),
			prog.DirectRead("f", 0, whole).With(prog.NoWait).Returns('d').MayFail("EAGAIN").As("clean"),
		).Witness(direct())}, {
			// Blocks that have to be allocated, or copied because another file has them, are nothing that comes at once.
			Name: "hole", Program: needsBlocks([]prog.Op{prog.Truncate("f", whole)}, '.',
				prog.Read("f", page, whole-page).Returns('.'),
			),
		}, {
			Name: "shared", Program: needsBlocks([]prog.Op{
				prog.Write("f", 0, whole, 'o'), prog.Fsync("f"), prog.Clone("f", "g"), prog.DropCaches(),
			}, 'o', prog.Read("g", 0, whole).Returns('o')),
		}},
		Rows: []prog.Row{
			rows.Journalled("RWF_NOWAIT asks the page cache"),
			refusesNowait(),
		},
	}
}

// refusesNowait is the row of file systems whose files are not opened with FMODE_NOWAIT.
func refusesNowait() prog.Row {
	return prog.Row{
		FS:          []string{"gfs2", "bcachefs"},
		Unsupported: "RWF_NOWAIT is refused with EOPNOTSUPP",
		Why:         "files are not opened with FMODE_NOWAIT",
		Kernel:      "gfs2_open_common, bch2_open",
	}
}
