package progress

import (
	"github.com/iomapcheck/iomapcheck/cases/rows"
	"github.com/iomapcheck/iomapcheck/harness/prog"
)

// A task is killed for want of memory while its direct I/O is in flight: nobody is left to reap it, and the task cannot be gone before it
// has ended. Truncate waits for the I/O like for any other, and for nothing else of the task.
//
//	eater      aio-write ─── held on the disk ───────────────────────────┐
//	           hog: killed …… asleep in exit_aio ………………………………………… gone
//	truncater  ………………………………………………… truncate to 0: asleep …………………… done
//	main       …………………………………………………………………………………………… release
func oomKill() prog.Case {
	return prog.Case{
		ID:     "progress/oom-kill",
		Rule:   "when a task is killed for want of memory with direct I/O in flight, truncate waits for that I/O alone and then returns, and the file's bytes are old or new",
		Kernel: "mem_cgroup_out_of_memory → oom_kill_process; do_exit → exit_aio; inode_dio_wait",
		Source: "seed thread 5: truncate's forward progress, with nobody left who could reap the I/O that it waits for; no xfstests limits memory",
		Needs:  []string{"disk", "aio", "trace"},
		Variants: []prog.Variant{
			{Name: "write", Program: killedWith(prog.AIOWrite("w", "f", 0, readSize, 'n'), prog.Writes)},
			{Name: "read", Program: killedWith(prog.AIORead("r", "f", 0, readSize), prog.Reads)},
		},
		Rows: []prog.Row{
			rows.Journalled("there is no direct I/O in flight to wait for"),
			rows.Checksummed("there is no direct I/O in flight to wait for", "write"),
			readsAreNotCounted(),
			{
				Target:    "refengine",
				Witnesses: append(truncateWaits("inode_dio_wait"), prog.Fired("oom:mark_victim", 1)),
				Why:       "a killed task does nothing more in the engine, and does not wait for its requests",
				Kernel:    "exit_aio",
			},
		},
	}
}

// killedWith has a task killed with a request in flight that the disk holds.
func killedWith(request prog.Op, held prog.Requests) prog.Program {
	return prog.New(
		prog.Write("f", 0, readSize, 'o'), prog.Fsync("f"), prog.DropCaches(),
		prog.MemoryMax(4*prog.MiB),
		prog.Hold(held).Of("f", 0, readSize),
		prog.Go("eater", request, prog.Hog(32*prog.MiB).Fails("SIGKILL").As("hog")),
		prog.AwaitHeld(1),
		prog.AwaitBlocked("eater", "exit_aio"),
		// What the killed task has touched stays charged until it is gone: without room the truncater would be the next to be killed.
		prog.MemoryMax(16*prog.MiB),
		prog.Go("truncater", prog.Truncate("f", 0).NotBefore("let-go").As("truncate")),
		prog.AwaitBlocked("truncater"),
		prog.Release().As("let-go"),
		prog.Join("truncater"), prog.Join("eater"),
		prog.MemoryMax(prog.NoLimit),
		prog.FileSize("f").Counts(0),
		prog.Write("f", 0, readSize, 'm'), prog.Read("f", 0, readSize).Returns('m'),
	).Witness(append(truncateWaits(dioWait()...), prog.SeenBlocked("hog", "exit_aio"), prog.Fired("oom:mark_victim", 1))...)
}

func truncateWaits(in ...string) []prog.Witness {
	return []prog.Witness{prog.SeenBlocked("truncate", in...)}
}
