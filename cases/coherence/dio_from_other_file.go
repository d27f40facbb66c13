package coherence

import (
	"github.com/iomapcheck/iomapcheck/cases/rows"
	"github.com/iomapcheck/iomapcheck/harness/prog"
)

// The buffer of a direct write maps another file, and to pin it takes that file's locks, which a direct write of its own may hold. A file
// system that lets its locks go for that must begin again: meanwhile anybody may cache what it is about to overwrite.
//
//	blocker   direct write to g ─── held on the disk ──────────────────────┐
//	writer    …… direct write to f from the mapping of g: asleep ……………………… done
//	main      ………………………………………………………………… read f: o is cached … release … read f: n
func dioFromOtherFile() prog.Case {
	return prog.Case{
		ID:     "coherence/dio-from-other-file",
		Rule:   "a direct write from a mapping of another file, which is being written directly itself, is seen by whoever reads after it, also where a read has filled the cache meanwhile",
		Kernel: "bch2_dio_write_loop (fdm_dropped_locks), bch2_page_fault; iomap_dio_complete → kiocb_invalidate_post_direct_write",
		Source: "sched: Add task_struct->faults_disabled_mapping, and its discussion (May 2023), seed thread 4",
		Needs:  []string{"disk", "aio"},
		Variants: []prog.Variant{{Program: prog.New(
			prog.Write("g", 0, 4*prog.KiB, 'n'), prog.Fsync("g"),
			prog.Write("f", 0, 4*prog.KiB, 'o'), prog.Fsync("f"),
			prog.DropCaches(),
			prog.Hold(prog.Writes).Of("g", 0, 4*prog.KiB),
			prog.Go("blocker", prog.AIOWrite("b", "g", 0, 4*prog.KiB, 'n'), prog.Reap("b")),
			prog.AwaitHeld(1),
			prog.Go("writer", prog.DirectWrite("f", 0, 4*prog.KiB, 'n').Via("g", 0)),
			prog.AwaitBlocked("writer"),
			prog.Read("f", 0, 4*prog.KiB).OneOf("on").MayBlock(),
			prog.Release(), prog.Join("blocker"), prog.Join("writer"),
			prog.Read("f", 0, 4*prog.KiB).Returns('n'),
		).Witness(direct())}},
		Rows: []prog.Row{
			rows.GlockOverFault(),
			rows.Journalled("no direct write is in flight"),
			rows.Checksummed("nothing is pinned"),
		},
	}
}
