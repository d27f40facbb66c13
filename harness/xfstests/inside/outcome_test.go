package inside

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/iomapcheck/iomapcheck/harness/campaign"
	"github.com/iomapcheck/iomapcheck/harness/fsys"
	"github.com/iomapcheck/iomapcheck/harness/history"
	"github.com/iomapcheck/iomapcheck/harness/judge"
	"github.com/iomapcheck/iomapcheck/harness/prog"
	"github.com/iomapcheck/iomapcheck/harness/target"
)

func TestAVerdictIsAnOutcomeOfCheck(t *testing.T) {
	e := Environment{Unexercised: Failure}
	for verdict, want := range map[judge.Verdict]Outcome{
		judge.OK: Pass, judge.Known: Pass, judge.Unsupported: NotRun, judge.Unexercised: Failure, judge.Fail: Failure, judge.Hang: Failure,
		judge.Crash: Failure, judge.Drift: Failure, judge.Infra: Failure,
	} {
		if got := e.of(verdict); got != want {
			t.Errorf("%s: %s, want %s", verdict, got, want)
		}
	}
	if e.Unexercised = NotRun; e.of(judge.Unexercised) != NotRun {
		t.Error("the user's wish for unexercised is not heard")
	}
}

func TestOneBadVariantFailsTheTestAndAllMustBeLeftOutForNotRun(t *testing.T) {
	list := func(verdicts ...judge.Verdict) (out []campaign.Verdict) {
		for _, v := range verdicts {
			out = append(out, campaign.Verdict{Verdict: v})
		}
		return out
	}
	e := Environment{Unexercised: Failure}
	for _, c := range []struct {
		verdicts []campaign.Verdict
		want     Outcome
	}{
		{list(judge.OK, judge.Fail, judge.Unsupported), Failure},
		{list(judge.Unsupported, judge.OK), Pass},
		{list(judge.Unsupported, judge.Unsupported), NotRun},
		{nil, NotRun},
	} {
		if got := e.sum(c.verdicts); got != c.want {
			t.Errorf("%v: %s, want %s", c.verdicts, got, c.want)
		}
	}
}

func TestTheEnvironmentIsReadAndWrongValuesAreNamed(t *testing.T) {
	set := map[string]string{
		"FSTYP": "xfs", "TIME_FACTOR": "3", "LOAD_FACTOR": "2", "SOAK_DURATION": "60", "MKFS_OPTIONS": "-b size=1024", "IOMAPCHECK_UNEXERCISED": "pass",
	}
	e, err := ReadEnvironment(func(name string) string { return set[name] })
	if err != nil || e.TimeFactor != 3 || e.LoadFactor != 2 || e.Soak != time.Minute || len(e.MkfsOptions) != 2 || e.Unexercised != Pass || e.MountProgram != "mount" {
		t.Errorf("%+v, %v", e, err)
	}
	for name, value := range map[string]string{"TIME_FACTOR": "0", "LOAD_FACTOR": "x", "SOAK_DURATION": "-1", "IOMAPCHECK_UNEXERCISED": "maybe"} {
		_, err := ReadEnvironment(func(n string) string { return map[string]string{name: value}[n] })
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s=%s: %v", name, value, err)
		}
	}
}

// scripted is a target whose programs read what is scripted.
type scripted struct {
	reads string
	runs  int
}

func (s *scripted) Name() string                                  { return "host" }
func (s *scripted) Release() string                               { return "6.12" }
func (s *scripted) Close()                                        {}
func (s *scripted) FS(context.Context, string) (fsys.Spec, error) { return fsys.Parse("xfs") }

func (s *scripted) Run(_ context.Context, job target.Job, more func(target.Execution) bool) error {
	s.runs++
	if s.reads == "" {
		return target.Unsupported("no such thing")
	}
	data, err := prog.ParseContent(s.reads, 4096)
	if err != nil {
		return errors.New("scripted badly")
	}
	h := &history.History{Header: history.Header{Target: "host", FS: "xfs"}}
	for i, e := range []history.Event{
		{Kind: history.Invoke, Task: "main"}, {Kind: history.Return, Task: "main", N: 4096},
		{Kind: history.Invoke, Task: "main", Op: 1}, {Kind: history.Return, Task: "main", Op: 1, N: 4096, Data: data},
	} {
		e.Time = int64(i)
		h.Events = append(h.Events, e)
	}
	more(target.Execution{History: h})
	return nil
}

func TestAFailureIsComplainedOfAndTheLogSaysHowToRunItAgain(t *testing.T) {
	p, err := prog.Parse("write f 0 4k o\nread f 0 4k = o\n")
	if err != nil {
		t.Fatal(err)
	}
	c := prog.Case{ID: "own/case", Rule: "what is written is read", Variants: []prog.Variant{{Name: "day", Program: p}, {Name: "night", Program: p, Nightly: true}}}
	for _, run := range []struct {
		reads string
		e     Environment
		want  Outcome
		runs  int
	}{
		{"x:4k", Environment{TimeFactor: 1}, Failure, 1},
		{"", Environment{TimeFactor: 1}, NotRun, 1},
		{"x:4k", Environment{TimeFactor: 2}, Failure, 4},
	} {
		var full, out strings.Builder
		s := &scripted{reads: run.reads}
		res, err := run.e.runOn(t.Context(), s, Request{Case: c, Where: NeedsDisk, Full: &full, Out: &out, Binary: "./iomapcheck"})
		if err != nil || res.Outcome != run.want || s.runs != run.runs {
			t.Errorf("reads %q: %s after %d runs, %v; want %s after %d", run.reads, res.Outcome, s.runs, err, run.want, run.runs)
		}
		if run.want == NotRun {
			if out.Len() > 0 || !strings.Contains(res.Reason, "no such thing") {
				t.Errorf("not run: %q, reason %q", out.String(), res.Reason)
			}
			continue
		}
		for _, text := range []string{"own/case~day on xfs: fail", "seen       coherence: op 1", "must hold  what is written is read", "again      ./iomapcheck run --target host --fs xfs --case 'own/case~day'"} {
			if !strings.Contains(out.String(), text) {
				t.Errorf("the complaint has no %q:\n%s", text, out.String())
			}
		}
		for _, text := range []string{"--- program.txt", "--- history.txt", "read f 0 4k = o"} {
			if !strings.Contains(full.String(), text) {
				t.Errorf("the log has no %q:\n%s", text, full.String())
			}
		}
	}
}
