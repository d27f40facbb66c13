package progress

import (
	"fmt"

	"github.com/iomapcheck/iomapcheck/cases/rows"
	"github.com/iomapcheck/iomapcheck/harness/prog"
)

// Asynchronous requests are in flight at any time, submitted by two tasks in turn, and truncate has to wait for those that were there when
// it came, not for those that come after it. Their target or their memory is the file itself.
//
//	one        ├ requests ┤ ├ requests ┤ ├ …
//	two              ├ requests ┤ ├ requests ┤ …
//	truncater  ………………… truncate: returns before so many of them have ended
func truncateAgainstAIO() prog.Case {
	return prog.Case{
		ID:     "progress/truncate-against-aio",
		Rule:   "truncate returns before a bounded number of asynchronous requests that were submitted after it have ended, however many are in flight at any time, whether they read the file or have it for their memory, and whether or not the disk carries them out",
		Kernel: "do_truncate: i_rwsem exclusively; inode_dio_wait",
		Source: "seed thread 5: \"this scheme can be easily livelocked\"",
		Needs:  []string{"disk", "aio"},
		Variants: []prog.Variant{
			{Name: "reads", Program: againstAIO(16, nil, readOf)},
			{Name: "mapped", Program: againstAIO(16, nil, writeFrom)},
			{Name: "failing", Program: againstAIO(16, []prog.Op{prog.Fail(prog.Reads, "EIO", 0).Of("f", 0, 16*block)}, readOf)},
			{Name: "64-reads", Program: againstAIO(64, nil, readOf), Nightly: true},
			{Name: "64-mapped", Program: againstAIO(64, nil, writeFrom), Nightly: true},
		},
		Rows: []prog.Row{
			{
				FS: []string{"xfs/dax", "ext4/dax"}, Variants: []string{"reads", "mapped"},
				Witnesses: []prog.Witness{prog.Fired("iomapcheck:dax_iomap_rw", 16)},
				Why:       "DAX files are copied to and from by the processor while the request is submitted: their pages are faulted in for that, and not pinned",
				Kernel:    "dax_iomap_rw; truncate: xfs_break_layouts, ext4_break_layouts",
			},
			{
				FS: []string{"xfs/dax", "ext4/dax"}, Variants: []string{"64-reads", "64-mapped"}, Target: "vm",
				Witnesses: []prog.Witness{prog.Fired("iomapcheck:dax_iomap_rw", 64)},
				Why:       "DAX files are copied to and from by the processor while the request is submitted: their pages are faulted in for that, and not pinned",
				Kernel:    "dax_iomap_rw; truncate: xfs_break_layouts, ext4_break_layouts",
			},
			rows.Journalled("the requests are done when they are submitted"),
			rows.GlockOverFault("mapped", "64-mapped"),
			rows.Checksummed("what is submitted is done when the submission returns", "mapped", "64-mapped"),
			{
				FS: []string{"bcachefs"}, Variants: []string{"reads", "failing", "64-reads"},
				Unsupported: "truncate waits for direct writes alone: reads cannot keep it waiting",
				Why:         "direct reads are not counted in i_dio_count, and take no i_rwsem",
				Kernel:      "bch2_direct_IO_read without inode_dio_begin",
			},
			{
				Target: "refengine", Variants: []string{"64-reads", "64-mapped"},
				Unsupported: "every request is a task's turn or two, and 64 of them show nothing that 16 do not",
				Why:         "the engine has no queue that could be full",
				Kernel:      "aio_read, iomap_dio_bio_end_io",
			},
		},
	}
}

// block is the size of a request, in bytes.
const block = 4 * prog.KiB

// readOf reads from the file that is truncated.
func readOf(name string, i int64) prog.Op { return prog.AIORead(name, "f", i*block, block) }

// writeFrom writes to another file from a mapping of the one that is truncated.
func writeFrom(name string, i int64) prog.Op {
	return prog.AIOWrite(name, "g", prog.Period+i*block, block, 'n').Via("f", i*block)
}

// againstAIO truncates a file while n requests are in flight.
func againstAIO(n int64, disk []prog.Op, request func(name string, i int64) prog.Op) prog.Program {
	// What is overtaken is counted in operations, of which a round of one task has n: half of them submit and half reap.
	bound := 16 * n
	ops := append([]prog.Op{
		prog.Write("f", 0, n*block, 'n'), prog.Fsync("f"), prog.Write("g", prog.Period, n*block, 'n'), prog.Fsync("g"),
	}, disk...)
	return prog.New(append(ops,
		prog.Go("truncater", prog.Truncate("f", 0).Before(bound, "one").As("truncate")),
		prog.Go("one", prog.Until("truncater", batch(0, n/2, request)...)),
		prog.Go("two", prog.Until("truncater", batch(n/2, n, request)...)),
		prog.Join("truncater"), prog.Join("one"), prog.Join("two"),
		prog.FileSize("f").Counts(0),
	)...).Witness(prog.Fired("iomapcheck:__iomap_dio_rw", n))
}

// batch submits requests [first, end) and reaps them again. A request over what was truncated reads nothing; memory that was truncated
// cannot be pinned, and a disk that fails says so.
func batch(first, end int64, request func(name string, i int64) prog.Op) []prog.Op {
	var submit, reap []prog.Op
	for i := first; i < end; i++ {
		name := fmt.Sprintf("r%d", i)
		op := request(name, i)
		submit = append(submit, op.MayFail("EFAULT"))
		reap = append(reap, prog.Reap(name).Counts(0, op.Len).MayFail("EFAULT", "EIO", "ENOENT"))
	}
	return append(submit, reap...)
}
