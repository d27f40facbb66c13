package judge

import (
	"testing"

	"github.com/iomapcheck/iomapcheck/harness/history"
)

const hooked = `write f 0 8k n
fsync f
order iomapcheck:hook before iomapcheck:unlock
never iomap:iomap_dio_invalidate_fail
event iomapcheck:hook times 2
`

// trace adds a kernel event of a task, about a folio.
func (s *scene) trace(task, name, folio string) {
	s.add(history.Event{Kind: history.Trace, Op: -1, Task: task, Name: name, Text: "as printed", Folio: folio})
}

func (s *scene) note(task, name, text string, op int) {
	s.add(history.Event{Kind: history.Note, Op: op, Task: task, Name: name, Text: text})
}

// hookedScene is a write of two folios, each with its hook before its unlock.
func hookedScene(t *testing.T) *scene {
	s := stage(t, hooked)
	s.trace("main", "iomapcheck:unlock", "1")
	s.begin(0)
	s.trace("main", "iomapcheck:unlock", "1") // as when a stuffed file is unstuffed
	for _, folio := range []string{"1", "2"} {
		s.trace("main", "iomapcheck:hook", folio)
		s.trace("", "iomapcheck:unlock", "3")
		s.trace("main", "iomapcheck:unlock", folio)
	}
	s.end(0, "")
	s.do(1, "")
	s.finally("f", "n:8k")
	return s
}

// swap exchanges the names of the hook and unlock of a folio, whose last is moved.
func swap(s *scene, folio string) {
	var hook, unlock *history.Event
	for i := range s.h.Events {
		switch e := &s.h.Events[i]; {
		case e.Folio != folio:
		case e.Name == "iomapcheck:hook":
			hook = e
		case e.Name == "iomapcheck:unlock":
			unlock = e
		}
	}
	hook.Name, unlock.Name = unlock.Name, hook.Name
}

func TestEventsKeepTheOrderThatAProgramDemands(t *testing.T) {
	vary(t, hookedScene, []variation{
		{"the hook runs after the unlock", func(s *scene) { swap(s, "2") },
			"fail order: op 0: write f 0 8k n: iomapcheck:hook came after the last iomapcheck:unlock for folio 2, want order iomapcheck:hook before iomapcheck:unlock"},
		{"the folio is never unlocked", func(s *scene) {
			s.drop(func(e history.Event) bool { return e.Name == "iomapcheck:unlock" && e.Folio == "2" })
		}, "fail order: op 0: write f 0 8k n: iomapcheck:hook came, and no iomapcheck:unlock after it for folio 2, want…"},
		{"another task unlocks it", func(s *scene) {
			for i := range s.h.Events {
				if e := &s.h.Events[i]; e.Name == "iomapcheck:unlock" && e.Folio == "2" {
					e.Task = "other"
				}
			}
		}, "fail order: …"},
		{"events without a folio count for all", func(s *scene) {
			for i := range s.h.Events {
				if e := &s.h.Events[i]; e.Name == "iomapcheck:unlock" {
					e.Folio = ""
				}
			}
		}, "ok"},
		{"the hook never runs", func(s *scene) {
			s.p.Rules = s.p.Rules[:1]
			s.drop(func(e history.Event) bool { return e.Name == "iomapcheck:hook" })
		}, "unexercised witness: order iomapcheck:hook before iomapcheck:unlock: iomapcheck:hook never happened while the program ran, so that no order was shown"},
		{"the hook runs once", func(s *scene) {
			s.drop(func(e history.Event) bool { return e.Name == "iomapcheck:hook" && e.Folio == "1" })
		}, "fail event: iomapcheck:hook fired 1 times while the program ran, want at least 2"},
		{"what must never happen does", func(s *scene) {
			s.h.Events[3].Name = "iomap:iomap_dio_invalidate_fail"
			s.p.Rules = s.p.Rules[1:2]
		}, `fail event: op 0: write f 0 8k n: iomap:iomap_dio_invalidate_fail fired 1 times while the program ran, first with "as printed", want never`},
		{"the kernel lacks an event", func(s *scene) {
			s.drop(func(e history.Event) bool { return e.Name == "iomapcheck:hook" })
			s.note("", noteMissingEvent, "iomapcheck:hook: Invalid probed address or symbol", -1)
		}, `unsupported witness: this kernel does not offer what "order iomapcheck:hook before iomapcheck:unlock" is about: …`},
		{"the record has holes", func(s *scene) { s.note("", noteTraceLost, "lost 3 events", -1) },
			"unexercised witness: order iomapcheck:hook before iomapcheck:unlock: the record of the kernel's events has holes, so that nothing is shown"},
	})
}

const limited = `go eater {
  write f 0 8k n may-fail SIGKILL
  fsync f
}
join eater
`

// killedScene is a task that is killed in its write.
func killedScene(t *testing.T) *scene {
	s := stage(t, limited)
	s.sequence(0)
	s.begin(3, 1)
	s.end(1, "SIGKILL")
	s.note("eater", noteOOMKilled, "killed", 1)
	s.end(3, "")
	s.finally("f", "n:4k")
	return s
}

func TestAKilledTaskIsAnEventWhereTheProgramAllowsItAndAFailureElsewhere(t *testing.T) {
	vary(t, killedScene, []variation{
		{"not allowed", func(s *scene) { s.p.Ops[0].Body[0].Expect.Errnos = nil },
			"fail oom: op 1: write f 0 8k n: the kernel killed its task for want of memory, want success"},
		{"between two operations", func(s *scene) {
			s.p.Ops[0].Body[0].Expect.Errnos = nil
			s.event(history.Return, 1).Errno, s.event(history.Return, 1).N = "", 8192
			s.event(history.Note, 1).Op = -1
		}, "fail oom: the kernel killed task eater for want of memory, between two operations"},
		{"a signal that nobody explains", func(s *scene) {
			s.p.Ops[0].Body[0].Expect.Errnos = nil
			s.drop(func(e history.Event) bool { return e.Kind == history.Note })
		}, "fail errno: op 1: write f 0 8k n: failed with SIGKILL, want success"},
		{"its later operations are missed without a kill", func(s *scene) {
			s.drop(func(e history.Event) bool { return e.Kind == history.Note })
		}, "infra assumption: op 2: fsync f: it never began…"},
	})
}

func TestWhatCannotBeDoneIsUnsupportedAndWhatStarvesIsAHangOfProgress(t *testing.T) {
	s := stage(t, "write f 0 4k o\nclone f g\nattr f jdata\nfallocate f 0 4k collapse-range\nreclaim 4k\n")
	s.sequence(0)
	s.do(1, "EOPNOTSUPP")
	s.want("unsupported errno: op 1: clone f g: refused with EOPNOTSUPP: this kernel or file system cannot do it")
	s = stage(t, "clone f g\n")
	s.do(0, "EIO")
	s.want("fail errno: op 0: clone f g: failed with EIO, want success")
	s = stage(t, "clone f g fails EINVAL\n")
	s.do(0, "EOPNOTSUPP")
	s.want("fail errno: op 0: clone f g fails EINVAL: failed with EOPNOTSUPP, want EINVAL")
	for _, state := range []string{history.Starved, history.Livelock} {
		s = stage(t, "truncate f 4k\n")
		s.begin(0)
		s.add(history.Event{Kind: history.Hang, Task: "main", Op: 0, Name: state, Text: "overtaken 64 times"})
		s.want("hang progress: op 0: truncate f 4k: task main never returned: overtaken 64 times")
	}
}
