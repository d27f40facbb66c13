package judge

import (
	"testing"

	"github.com/iomapcheck/iomapcheck/harness/history"
	"github.com/iomapcheck/iomapcheck/harness/prog"
)

func TestHistoryThatIsNotOneOfTheProgramIsOurFault(t *testing.T) {
	vary(t, postWriteScene, []variation{
		{"no target", func(s *scene) { s.h.Header.Target = "" }, "infra assumption: history header: want a target…"},
		{"negative clock error", func(s *scene) { s.h.Header.ClockError = -1 }, "infra assumption: history header: the clock error -1…"},
		{"no program", func(s *scene) { s.p = prog.Program{} }, "infra assumption: the program cannot be meant: the program has no operation"},
		{"unknown kind", func(s *scene) { s.h.Events[3].Kind = "dream" }, "infra assumption: history event 3 (dream): no such kind of event"},
		{"operation outside", func(s *scene) { s.event(history.Invoke, 10).Op = 99 }, "infra assumption: history event 22 (invoke): the program has no operation 99"},
		{"call of nothing", func(s *scene) { s.event(history.Return, 10).Op = -1 }, "infra assumption: history event 23 (return): the program has no operation -1"},
		{"another task's operation", func(s *scene) { s.event(history.Invoke, 5).Task = "main" },
			"infra assumption: history event 10 (invoke): task \"main\" runs op 5, which is writer's"},
		{"return without invocation", func(s *scene) { s.h.Events = s.h.Events[1:] },
			"infra assumption: history event 0 (return): op 0 iteration 0 returns without having begun"},
		{"return for another iteration", func(s *scene) { s.event(history.Return, 10).Iter = 2 },
			"infra assumption: history event 23 (return): iteration 2 of op 10"},
		{"begun twice", func(s *scene) { s.do(9, "") }, "infra assumption: history event 31 (invoke): op 9 iteration 0 begins twice"},
		{"begun in another operation", func(s *scene) { s.drop(func(e history.Event) bool { return e.Kind == history.Return && e.Op == 0 }) },
			"infra assumption: history event 1 (invoke): task main begins op 1 while it is in op 0"},
		{"time goes back", func(s *scene) { s.event(history.Invoke, 9).Time = 5; s.event(history.Return, 9).Time = 6 },
			"infra assumption: history event 20 (invoke): time of task main goes back from 190 to 5"},
		{"returned before it began", func(s *scene) { s.event(history.Return, 7).Time = 5 },
			"infra assumption: history event 15 (return): op 7 returns at 5, before it began at 150"},
		{"count without content", func(s *scene) { s.event(history.Return, 10).N = 5 },
			"infra assumption: history event 23 (return): op 10 returned 5 bytes with content of 65536"},
		{"reap without its content", func(s *scene) {
			s.p, s.h.Events = stage(t, "aio-read f 0 4k as r\nreap r\n").p, nil
			s.steps = s.p.Steps()
			s.sequence(0)
			s.do(1, "4k")
		}, "infra assumption: op 1 returned 4096 bytes with content of 0"},
		{"negative count", func(s *scene) { s.event(history.Return, 0).N = -1 }, "infra assumption: history event 1 (return): count -1"},
		{"empty run", func(s *scene) { s.event(history.Return, 10).Data[0].Len = 0 }, "infra assumption: history event 23 (return): content run of 0 bytes"},
		{"unknown fill", func(s *scene) { s.event(history.Return, 10).Data[0].Fill = "nn" }, "infra assumption: history event 23 (return): content: fill…"},
		{"another program's file", func(s *scene) { s.path(history.FinalMapped, func(e *history.Event) { e.File = "g" }) },
			"infra assumption: history event 24 (final): the program names no file \"g\""},
	})
}

func TestHistoryThatIsCutOffNeverPasses(t *testing.T) {
	whole := len(postWriteScene(t).h.Events)
	for n := range whole {
		s := postWriteScene(t)
		s.h.Events = s.h.Events[:n]
		if v := s.judge().Verdict; v != Infra {
			t.Errorf("of %d events %d were kept: %s", whole, n, s.judge().Summary())
		}
	}
	vary(t, postWriteScene, []variation{
		{"nothing at all", func(s *scene) { s.h.Events = nil }, "infra assumption: op 0: write f 0 64k o: it never began: the history is cut off…"},
		{"in the last read", func(s *scene) { s.h.Events = s.h.Events[:23] }, "infra assumption: op 10: read f 0 64k = n: it never returned and nothing says…"},
		{"one path only", func(s *scene) { s.h.Events = s.h.Events[:25] }, "infra assumption: the final reads are incomplete: f was not read buffered…"},
	})
	if v := Judge(stage(t, "fsync f").p, nil).Verdict; v != Infra {
		t.Errorf("no history: %s", v)
	}
}

func TestEventsOfTasksMayBeListedLate(t *testing.T) {
	// What the may-block read returned is described after the fact, so its return can be listed behind later events.
	s := postWriteScene(t)
	for i, e := range s.h.Events {
		if e.Kind == history.Return && e.Op == 7 {
			late := append(s.h.Events[:i:i], s.h.Events[i+1:i+7]...)
			s.h.Events = append(append(late, e), s.h.Events[i+7:]...)
			break
		}
	}
	s.want("ok")
}
