package coherence

import (
	"github.com/iomapcheck/iomapcheck/cases/rows"
	"github.com/iomapcheck/iomapcheck/harness/prog"
)

// RWF_NOWAIT direct I/O over dirty page cache would have to wait for writeback: it must say EAGAIN at once and do nothing.
func nowait() prog.Case {
	return prog.Case{
		ID:     "coherence/nowait",
		Rule:   "direct I/O with RWF_NOWAIT over dirty page cache fails with EAGAIN and changes nothing; over clean cache a read goes through; a write that needs blocks does all of it or nothing",
		Kernel: "__iomap_dio_rw → kiocb_write_and_wait, kiocb_invalidate_pages",
		Source: "fs: Introduce filemap_range_has_page (4.13), iomap: Only invalidate page cache pages on direct IO writes (5.9)",
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
			Name: "hole", Program: prog.New(
				prog.Truncate("f", whole),
				prog.DirectWrite("f", 0, 4*prog.KiB, 'n').With(prog.NoWait).MayFail("EAGAIN"),
				prog.Read("f", 0, 4*prog.KiB).OneOf("n."),
				prog.Read("f", 4*prog.KiB, whole-4*prog.KiB).Returns('.'),
			).Witness(cached()),
		}, {
			Name: "shared", Program: prog.New(
				prog.Write("f", 0, whole, 'o'), prog.Fsync("f"), prog.Clone("f", "g"), prog.DropCaches(),
				prog.DirectWrite("f", 0, 4*prog.KiB, 'n').With(prog.NoWait).MayFail("EAGAIN"),
				prog.Read("f", 0, 4*prog.KiB).OneOf("on"),
				prog.Read("g", 0, whole).Returns('o'),
			).Witness(cached()),
		}},
		Rows: []prog.Row{
			rows.Journalled("RWF_NOWAIT asks the page cache"),
			{
				FS:          []string{"gfs2"},
				Unsupported: "gfs2 refuses RWF_NOWAIT with EOPNOTSUPP",
				Why:         "its files are not opened with FMODE_NOWAIT",
				Kernel:      "gfs2_open_common",
			},
			{
				FS: []string{"bcachefs"}, Target: "vm",
				Unsupported: "bcachefs refuses RWF_NOWAIT with EOPNOTSUPP",
				Why:         "its files are not opened with FMODE_NOWAIT",
				Kernel:      "bch2_open",
			},
		},
	}
}
