package coherence

import (
	"github.com/iomapcheck/iomapcheck/cases/rows"
	"github.com/iomapcheck/iomapcheck/harness/prog"
)

// RWF_NOWAIT direct I/O over dirty page cache would have to wait for writeback: it must say EAGAIN at once and do nothing.
func nowait() prog.Case {
	return prog.Case{
		ID:     "coherence/nowait",
		Rule:   "direct I/O with RWF_NOWAIT over dirty page cache fails with EAGAIN and changes nothing; over clean cache a read goes through",
		Kernel: "__iomap_dio_rw → kiocb_write_and_wait, kiocb_invalidate_pages",
		Source: "fs: Introduce filemap_range_has_page (4.13), iomap: Only invalidate page cache pages on direct IO writes (5.9)",
		Variants: []prog.Variant{{Program: prog.New(
			prog.Write("f", 0, whole, 'o'), prog.Fsync("f"),
			prog.Write("f", 0, whole, 'd'),
			prog.DirectRead("f", 0, whole).With(prog.NoWait).Fails("EAGAIN").As("read"),
			prog.DirectWrite("f", 0, whole, 'n').With(prog.NoWait).Fails("EAGAIN").As("write"),
			prog.Read("f", 0, whole).Returns('d'),
			prog.Fsync("f"),
			prog.DirectRead("f", 0, whole).With(prog.NoWait).Returns('d').MayFail("EAGAIN").As("clean"),
		).Witness(direct())}},
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
