package regress

import (
	"github.com/iomapcheck/iomapcheck/cases/rows"
	"github.com/iomapcheck/iomapcheck/harness/prog"
)

// "What happens if we race with the pages we faulted in being evicted?" "We fault them in again and retry." Here somebody writes the
// file directly that the buffer maps, which throws its pages out.
func evictedBuffer() prog.Case {
	return prog.Case{
		ID:     "regress/evicted-buffer",
		Rule:   "a direct write whose buffer is thrown out of memory again and again ends, with every byte of it written",
		Kernel: "btrfs_direct_write, gfs2_file_direct_write → fault_in_iov_iter_readable, and again",
		Source: "seed thread 4 (May 2023)",
		Variants: []prog.Variant{{Program: prog.New(
			prog.Write("f", 0, 2*page, 'o'), prog.Fsync("f"),
			prog.Write("g", 0, 2*page, 'n'), prog.Fsync("g"),
			prog.Go("evictor",
				prog.DirectWrite("g", 0, 2*page, 'n'), prog.DirectWrite("g", page, page, 'n'), prog.DirectWrite("g", 0, page, 'n')),
			prog.Go("writer", prog.DirectWrite("f", 0, 2*page, 'n').Via("g", 0)),
			prog.Join("evictor"), prog.Join("writer"),
			prog.Read("f", 0, 2*page).Returns('n'),
		).Witness(prog.Fired("iomapcheck:__iomap_dio_rw", 4))}, {
			// Here reclaim takes what was just faulted in, before it is pinned or while it is.
			Name: "reclaimed", Program: prog.New(
				prog.Write("f", 0, 2*page, 'o'), prog.Fsync("f"),
				prog.Write("g", 0, 2*page, 'n'), prog.Fsync("g"),
				prog.Go("writer", prog.Repeat(2, prog.DirectWrite("f", 0, 2*page, 'n').Via("g", 0))),
				prog.Go("reclaimer", prog.Until("writer", prog.Reclaim(2*page))),
				prog.Join("writer"), prog.Join("reclaimer"),
				prog.Read("f", 0, 2*page).Returns('n'), prog.Load("g", 0, 2*page).Returns('n'),
			).Witness(direct()),
		}},
		Rows: []prog.Row{rows.GlockOverFault(), rows.Journalled("nothing is pinned"), rows.Checksummed("nothing is pinned")},
	}
}
