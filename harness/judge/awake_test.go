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
		{"the guest", history.Event{Task: "guest", Op: -1, Text: "it stopped answering"}, "hang hang: task guest did not end: it stopped answering"},
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

// The kernel's own detector of hung tasks also reports those that wait for what the program holds, if it holds long enough.
func TestAHungTaskIsExcusedOnlyByALongHold(t *testing.T) {
	report := history.Event{Kind: history.Console, Op: -1, Name: "hung-task", Text: "task writer blocked"}
	s := postWriteScene(t)
	s.add(report)
	s.want("hang splat: hung-task: task writer blocked")

	s = postWriteScene(t)
	stretched := false
	for i := range s.h.Events {
		if stretched {
			s.h.Events[i].Time += hungAfter
		}
		stretched = stretched || s.h.Events[i].What == history.Held
	}
	s.now += hungAfter
	s.add(report)
	s.want("ok")
}

func TestATaskThatDiedUnexplainedIsOurFault(t *testing.T) {
	s := postWriteScene(t)
	s.add(history.Event{Kind: history.Note, Task: "finally", Op: -1, Name: "task-died", Text: "the other end is closed"})
	s.want("infra assumption: the process of task finally died, and nothing says of what")
}

func TestEveryFileMustHaveBeenReadByEveryPath(t *testing.T) {
	for _, path := range finalPathsInOrder() {
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

func TestAFileSystemWithoutDirectIOIsToldFromOneThatLostIt(t *testing.T) {
	s := stage(t, "write f 0 4k o\nwitness event iomap:iomap_dio_rw_begin\n")
	s.sequence(0)
	s.finally("f", "o:4k")
	s.path(history.FinalDirect, func(e *history.Event) { e.Errno, e.N, e.Data = "EINVAL", 0, nil })
	s.want("unexercised witness: no witness event iomap:iomap_dio_rw_begin: iomap:iomap_dio_rw_begin fired 0 times while the program ran, want 1")
}
