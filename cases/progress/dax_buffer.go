package progress

import (
	"fmt"

	"github.com/iomapcheck/iomapcheck/harness/prog"
)

// The memory of asynchronous requests to an ordinary file is a mapping of a DAX file: while they are in flight the device reads and writes the
// DAX file's very blocks. Truncate must not free them before the requests have ended, however many there are, and new ones may be submitted
// all the while: they need no lock of the file that truncate keeps.
//
//	main       f's pages pinned by requests to g, held on the disk …… released …… reaped
//	truncater  ………………… break layouts: asleep; looks again: asleep …………… done
func daxBuffer() prog.Case {
	return prog.Case{
		ID:     "progress/dax-buffer",
		Rule:   "truncate of a DAX file does not return while asynchronous requests are in flight that have its pages for their memory, and returns soon after the last of them; meanwhile more of them can be submitted, and all transfer what the pages held",
		Kernel: "xfs_break_layouts → dax_layout_busy_page; iomap_dio_bio_iter → bio_iov_iter_get_pages",
		Source: "seed thread 5: \"this scheme can be easily livelocked\"",
		Needs:  []string{"disk", "aio"},
		Variants: []prog.Variant{
			{Name: "write", Program: inFlight(1)},
			{Name: "8", Program: inFlight(8)},
			{Name: "64", Program: inFlight(64), Nightly: true},
			{Name: "overlapping", Program: overlapping()},
		},
		Rows: []prog.Row{{
			Target: "refengine", Variants: []string{"64"},
			Unsupported: "every request is a task's turn or two, and 64 of them show nothing that 8 do not",
			Why:         "the engine has no queue that could be full",
			Kernel:      "aio_write, iomap_dio_bio_end_io",
		}},
	}
}

// daxBegin makes f a DAX file that has memory for n requests, and g an ordinary one whose writes are held.
func daxBegin(n int64) []prog.Op {
	return []prog.Op{
		prog.SetAttr("f", prog.AttrRealtime), prog.Remount(), // the inode becomes DAX when it is read anew
		prog.Write("f", 0, 2*n*block, 'n'), prog.Fsync("f"), prog.Write("g", prog.Period, 2*n*block, 'o'), prog.Fsync("g"),
		prog.Hold(prog.Writes),
	}
}

// fromDAX writes every other block of the DAX file f to the other: nothing joins requests that are apart.
func fromDAX(i int64) prog.Op { return named(i, i) }

// named is request number n, of block i.
func named(n, i int64) prog.Op {
	return prog.AIOWrite(fmt.Sprintf("r%d", n), "g", at(i), block, 'n').Via("f", at(i)-prog.Period)
}

// at is where block i goes in the ordinary file.
func at(i int64) int64 { return prog.Period + 2*i*block }

// truncater truncates the DAX file, and is asleep for the pages when this is over.
func truncater() []prog.Op {
	return []prog.Op{
		prog.Go("truncater", prog.Truncate("f", 0).NotBefore("let-go").As("truncate")),
		prog.AwaitBlocked("truncater"),
	}
}

// brokenLayouts is the witness that truncate slept for a page.
func brokenLayouts() prog.Witness {
	return prog.SeenBlocked("truncate", "xfs_break_layouts", "xfs_break_dax_layouts", "xfs_wait_dax_page", "ext4_break_layouts", "ext4_wait_dax_page", "dax_break_layout")
}

// diskDepth is how many requests QEMU sends to the programmable disk at a time (its NBD client's MAX_NBD_REQUESTS). More wait in QEMU, and are in
// flight for the kernel.
const diskDepth = 16

// inFlight truncates while n requests are in flight.
func inFlight(n int64) prog.Program {
	ops := daxBegin(n)
	for i := range n {
		ops = append(ops, fromDAX(i))
	}
	ops = append(ops, prog.AwaitHeld(min(n, diskDepth)))
	ops = append(ops, truncater()...)
	ops = append(ops, prog.Release().As("let-go"))
	for i := range n {
		ops = append(ops, prog.Reap(fmt.Sprintf("r%d", i)).Counts(block))
	}
	ops = append(ops, prog.Join("truncater"), prog.FileSize("f").Counts(0))
	for i := range n {
		ops = append(ops, prog.Read("g", at(i), block).Returns('n'))
	}
	return prog.New(ops...).Witness(brokenLayouts())
}

// overlapping has a request in flight at any time, each with a page that was pinned after truncate had begun.
func overlapping() prog.Program {
	ops := append(append(daxBegin(2), fromDAX(0), prog.AwaitHeld(1)), truncater()...)
	const rounds = 6
	for i := range int64(rounds) {
		ops = append(ops,
			named(i+1, (i+1)%2), prog.AwaitHeld(2),
			prog.ReleaseOldest(1), prog.Reap(fmt.Sprintf("r%d", i)).Counts(block),
			prog.AwaitBlocked("truncater"))
	}
	return prog.New(append(ops,
		prog.Release().As("let-go"), prog.Reap(fmt.Sprintf("r%d", rounds)).Counts(block), prog.Join("truncater"), prog.FileSize("f").Counts(0),
		prog.Read("g", at(0), block).Returns('n'), prog.Read("g", at(1), block).Returns('n'),
	)...).Witness(brokenLayouts())
}
