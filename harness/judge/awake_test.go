package judge

import (
	"testing"

	"github.com/iomapcheck/iomapcheck/harness/history"
)

// What the program holds excuses tasks that sleep, not one that runs on and on nor a machine that fell silent.
func TestHeldRequestsExcuseOnlyWhatSleeps(t *testing.T) {
	for _, v := range []struct {
		name string
		hang history.Event
		want string
	}{
		{"asleep", history.Event{Task: "trunc", Op: 9, Name: "D"},
			"unexercised witness: op 10: await blocked trunc in inode_dio_wait: it did not come about until the time was up; task trunc is in op 9: truncate f 0 not-before go-on @truncate"},
		{"running", history.Event{Task: "trunc", Op: 9, Name: "R"}, "hang hang: op 9: truncate f 0 not-before go-on @truncate: task trunc never returned"},
		{"stopped", history.Event{Task: "trunc", Op: 9, Name: "t"}, "hang hang: op 9: truncate f 0 not-before go-on @truncate: task trunc never returned"},
		{"the guest", history.Event{Task: "guest", Op: -1, Text: "it stopped answering"}, "hang hang: task guest did not end: it stopped answering"},
		{"the guest in an operation", history.Event{Task: "guest", Op: 9, Name: "S"}, "hang hang: task guest did not end"},
		{"the reader in the end", history.Event{Task: "finally", Op: -1, Name: "D"}, "hang hang: task finally did not end"},
	} {
		t.Run(v.name, func(t *testing.T) {
			s := truncateStart(t)
			s.add(history.Event{Kind: history.Hang, Task: "main", Op: 10, Name: "S"})
			v.hang.Kind = history.Hang
			s.add(v.hang)
			s.want(v.want)
		})
	}
}

// The harness's own task may be looked at while it runs: that says nothing of the kernel's.
func TestWhatRunsInTheHarnessTakesNoExcuseFromWhatSleeps(t *testing.T) {
	s := truncateStart(t)
	s.add(history.Event{Kind: history.Hang, Task: "main", Op: 10, Name: "R"})
	s.add(history.Event{Kind: history.Hang, Task: "trunc", Op: 9, Name: "D"})
	s.want("unexercised witness: op 10: await blocked trunc in inode_dio_wait: it did not come about until the time was up; …")
}

func TestWhatIsAwakeIsTheCauseWhateverElseWaits(t *testing.T) {
	s := truncateStart(t)
	s.add(history.Event{Kind: history.Hang, Task: "reader", Op: 6, Name: "D"})
	s.add(history.Event{Kind: history.Hang, Task: "trunc", Op: 9, Name: "R"})
	s.want("hang hang: op 9: truncate f 0 not-before go-on @truncate: task trunc never returned")
}

// The kernel's own detector of hung tasks also reports those that wait for what the program holds, if it holds long enough.
func TestAHungTaskIsExcusedOnlyByALongHold(t *testing.T) {
	report := history.Event{Kind: history.Console, Op: -1, Name: "hung-task", Text: "task writer blocked"}
	s := postWriteScene(t)
	s.add(report)
	s.want("hang splat: hung-task: task writer blocked")

	held := func(e history.Event) bool { return e.What == history.Held }
	s = postWriteScene(t)
	s.stretch(held, hungAfter)
	s.add(report)
	s.want("ok")
	noted(t, s, "console: hung-task: task writer blocked")

	s = postWriteScene(t)
	s.stretch(held, hungAfter/2)
	s.add(report)
	s.want("hang splat: hung-task: task writer blocked")

	// A pause before anything is held is no excuse.
	s = postWriteScene(t)
	s.stretch(func(e history.Event) bool { return e.Kind == history.Return && e.Op == 0 }, hungAfter)
	s.add(report)
	s.want("hang splat: hung-task: task writer blocked")
}

func TestAHungTaskIsExcusedByHoldsThatFollowEachOther(t *testing.T) {
	report := history.Event{Kind: history.Console, Op: -1, Name: "hung-task", Text: "task w blocked"}
	build := func(pause int64) *scene {
		s := stage(t, "fsync f\n")
		for request := range int64(2) {
			s.disk(history.Held, request)
			s.now += hungAfter * 2 / 3
			if request == 0 {
				s.now -= 10 // the next one is held when this one is let go
			}
			s.disk(history.Released, request)
			if request == 0 {
				s.now += pause - 10
			}
		}
		s.sequence(0)
		s.finally("f", "o:0")
		s.add(report)
		return s
	}
	build(0).want("ok")
	build(1000).want("hang splat: hung-task: task w blocked")
}

func TestAHungTaskIsExcusedByTheProgramsWordWhereNothingIsRecorded(t *testing.T) {
	build := func(after func(history.Event) bool) *scene {
		s := postWriteScene(t)
		s.stretch(after, hungAfter)
		s.drop(func(e history.Event) bool { return e.Kind == history.Disk })
		s.add(history.Event{Kind: history.Console, Op: -1, Name: "hung-task", Text: "task writer blocked"})
		return s
	}
	build(func(e history.Event) bool { return e.Kind == history.Return && e.Op == 7 }).want("ok")
	build(func(e history.Event) bool { return e.Kind == history.Return && e.Op == 8 }).want("hang splat: hung-task: task writer blocked")
}

func TestATaskThatDiedUnexplainedIsOurFault(t *testing.T) {
	s := postWriteScene(t)
	s.add(history.Event{Kind: history.Note, Task: "finally", Op: -1, Name: "task-died", Text: "the other end is closed"})
	s.want("infra assumption: the process of task finally died, and nothing says of what")

	// It is why the program did not come to its situation.
	s = stage(t, postWrite)
	s.sequence(0, 1, 2, 3, 4)
	s.begin(5, 6)
	s.add(history.Event{Kind: history.Note, Task: "writer", Op: -1, Name: "task-died"})
	s.add(history.Event{Kind: history.Note, Task: "main", Op: 6, Name: "not-provoked", Text: "0 of 1 requests were held"})
	s.finally("f", "o:64k")
	s.want("infra assumption: op 5: direct-write f 0 64k n: the process of task writer died in it")

	s.add(history.Event{Kind: history.Console, Op: -1, Name: "oops", Text: "BUG in iomap_dio_complete"})
	s.want("crash splat: oops: BUG in iomap_dio_complete")
}

func TestEveryFileMustHaveBeenReadByEveryPath(t *testing.T) {
	for _, path := range finalPaths() { // the tests' own list
		s := postWriteScene(t)
		s.drop(func(e history.Event) bool { return e.Kind == history.Final && e.Path == string(path) })
		s.want("infra assumption: the final reads are incomplete: f was not read " + string(path))
	}
}

func TestAnEventThatTheKernelLacksMakesItsWitnessUnsupported(t *testing.T) {
	s := stage(t, "fsync f\nwitness event iomap:iomap_dio_invalidate_fail\n")
	s.sequence(0)
	s.add(history.Event{Kind: history.Note, Op: -1, Name: "missing-event", Text: "iomap:iomap_dio_invalidate_fail: no such tracepoint"})
	s.finally("f", "n:0")
	s.want("unsupported witness: this kernel does not offer the witness: iomap:iomap_dio_invalidate_fail: no such tracepoint")
}

func TestOnlyTheWitnessesOwnEventMakesItUnsupported(t *testing.T) {
	const event = "iomap:iomap_dio_rw"
	const unexercised = "unexercised witness: no witness event " + event + ": " + event + " fired 0 times while the program ran, want 1"
	build := func(witnesses, name, text string) *scene {
		s := stage(t, "fsync f @sync\n"+witnesses)
		s.sequence(0)
		s.add(history.Event{Kind: history.Note, Op: -1, Name: name, Text: text})
		s.finally("f", "n:0")
		return s
	}
	one := "witness event " + event + "\n"
	build(one, "missing-event", event).want("unsupported witness: this kernel does not offer the witness: " + event)
	build(one, "missing-event", event+"_begin: no such event").want(unexercised)
	build(one, "other", event+": no such event").want(unexercised)
	build(one, "missing-event", "").want(unexercised)
	build("witness blocked sync\n"+one, "missing-event", event+": none").want("unsupported witness: this kernel does not offer the witness: " + event + ": none")

	s := build(one, "missing-event", event+": none")
	s.h.Events = append([]history.Event{s.h.Events[0], {Kind: history.Trace, Time: s.h.Events[0].Time, Op: -1, Name: event}}, s.h.Events[1:]...)
	s.want("ok")
}

func TestAnAsynchronousOperationShowsDirectIOOnlyWhenItIsReaped(t *testing.T) {
	build := func(reaped string) *scene {
		s := stage(t, "aio-write f 0 4k o as w\nreap w may-fail EINVAL\n")
		s.sequence(0)
		s.do(1, reaped)
		s.finally("f", map[string]string{"4k": "o:4k", "EINVAL": ".:0"}[reaped])
		s.path(history.FinalDirect, func(e *history.Event) { e.Errno, e.N, e.Data = "EINVAL", 0, nil })
		return s
	}
	build("EINVAL").want("ok")
	build("4k").want("fail errno: finally f, direct: failed with EINVAL, want success")
}

func TestWhatWasNotToldIsNeverAPassInTheEnd(t *testing.T) {
	s := postWriteScene(t)
	s.path(history.FinalDropped, func(e *history.Event) {
		e.Data = content(t, "n:4k,!:60k")
		e.Data[1].Raw = ""
	})
	s.want("infra assumption: finally f, buffered after drop-caches: what was read is in too many pieces to be told whole")
	s.path(history.FinalDropped, func(e *history.Event) { e.Data[0].Fill = "o" })
	s.want("fail coherence: finally f, buffered after drop-caches: bytes [0x0, 0x1000) are o, want n")
}

func TestAFileSystemWithoutDirectIOIsToldFromOneThatLostIt(t *testing.T) {
	s := stage(t, "write f 0 4k o\nwitness event iomap:iomap_dio_rw_begin\n")
	s.sequence(0)
	s.finally("f", "o:4k")
	s.path(history.FinalDirect, func(e *history.Event) { e.Errno, e.N, e.Data = "EINVAL", 0, nil })
	s.want("unexercised witness: no witness event iomap:iomap_dio_rw_begin: iomap:iomap_dio_rw_begin fired 0 times while the program ran, want 1")
}
