package model_test

import (
	"bytes"
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/iomapcheck/iomapcheck/cases"
	"github.com/iomapcheck/iomapcheck/harness/fsys"
	"github.com/iomapcheck/iomapcheck/harness/history"
	"github.com/iomapcheck/iomapcheck/harness/judge"
	"github.com/iomapcheck/iomapcheck/harness/prog"
	"github.com/iomapcheck/iomapcheck/harness/target"
	"github.com/iomapcheck/iomapcheck/harness/target/model"
	"github.com/iomapcheck/iomapcheck/refengine/mutant"
)

func spec(t *testing.T, name string) fsys.Spec {
	t.Helper()
	s, err := fsys.Parse(name)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// program is the catalogue's program of a case's first variant.
func program(t *testing.T, id string) prog.Program {
	t.Helper()
	all := cases.Catalogue()
	i := slices.IndexFunc(all, func(c prog.Case) bool { return c.ID == id })
	if i < 0 {
		t.Fatalf("no case %s", id)
	}
	return all[i].Variants[0].Program
}

// firstBad runs the job until the judge finds fault, and returns that execution.
func firstBad(t *testing.T, job target.Job) (*target.Execution, judge.Result, int) {
	t.Helper()
	var bad *target.Execution
	var res judge.Result
	n := 0
	err := model.New(model.Config{Release: "6.12"}).Run(context.Background(), job, func(x target.Execution) bool {
		n++
		res = judge.Judge(job.Program, x.History)
		if res.Verdict.Bad() {
			bad = &x
		}
		return bad == nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return bad, res, n
}

func text(t *testing.T, h *history.History) string {
	t.Helper()
	var b bytes.Buffer
	if err := h.Write(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// Every mutant is caught by the case that is about it, by that rule, and its token gives the same history again.
func TestEachMutantIsCaughtByItsCaseAndReplays(t *testing.T) {
	for _, c := range []struct {
		mutant, id string
		rule       judge.Rule
	}{
		{"dio-skip-post-invalidate", "coherence/post-write-invalidation", judge.RuleCoherence},
		{"dio-ignore-invalidate-failure", "fallback/redirty-during-writeback", judge.RuleCoherence},
		{"truncate-no-dio-wait", "progress/truncate-waits-for-dio", judge.RuleOrder},
	} {
		for _, fs := range []string{"xfs", "ext4"} {
			t.Run(c.mutant+" on "+fs, func(t *testing.T) {
				job := target.Job{Program: program(t, c.id), FS: spec(t, fs), Name: t.Name(), Seed: 1, Budget: 200, Mutants: []string{c.mutant}}
				x, res, n := firstBad(t, job)
				if x == nil {
					t.Fatalf("not caught in %d executions", n)
				}
				t.Logf("after %d executions: %s\n%s", n, res.Summary(), x.Replay)
				if res.Rule != c.rule {
					t.Errorf("caught by rule %s, want %s", res.Rule, c.rule)
				}
				job.Replay = x.Replay
				again, _, _ := firstBad(t, job)
				if again == nil {
					t.Fatal("the replay is not bad")
				}
				if diff := cmp.Diff(text(t, x.History), text(t, again.History)); diff != "" {
					t.Errorf("the replay differs:\n%s", diff)
				}
				job.Mutants = nil
				if x, res, _ := firstBad(t, target.Job{Program: job.Program, FS: job.FS, Name: job.Name, Seed: 1, Budget: 200}); x != nil {
					t.Errorf("without the mutant: %s", res.Summary())
				}
			})
		}
	}
	if n := len(mutant.List()); n < 3 {
		t.Errorf("the engine has %d mutants", n)
	}
}

func TestATokenOfAnotherProgramDiverges(t *testing.T) {
	job := target.Job{Program: program(t, "coherence/post-write-invalidation"), FS: spec(t, "xfs"), Name: "one", Budget: 1}
	var token string
	m := model.New(model.Config{Release: "6.12"})
	if err := m.Run(t.Context(), job, func(x target.Execution) bool { token = x.Replay; return false }); err != nil {
		t.Fatal(err)
	}
	job.Program, job.Replay = program(t, "progress/truncate-waits-for-dio"), token
	err := m.Run(t.Context(), job, func(target.Execution) bool { return true })
	if err == nil || !strings.Contains(err.Error(), "another program") {
		t.Errorf("got %v, want an error that says the token is of another program", err)
	}
}

func TestProgramsThatCannotGoOnAreNamed(t *testing.T) {
	for text, want := range map[string]judge.Verdict{
		// Nothing is ever held: the situation does not come about.
		"fsync f\nhold writes\nawait held 1\nfsync f\nwitness event iomap:iomap_dio_invalidate_fail\n": judge.Unexercised,
		// The program holds what it then waits for.
		"write f 0 4k o\nhold writes\nfsync f\n": judge.Hang,
		"write f 0 4k o\nread f 0 4k = n\n":      judge.Fail,
	} {
		p, err := prog.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		var got judge.Result
		err = model.New(model.Config{Release: "6.12"}).Run(t.Context(), target.Job{Program: p, FS: spec(t, "xfs"), Name: "x", Budget: 5},
			func(x target.Execution) bool { got = judge.Judge(p, x.History); return false })
		if err != nil || got.Verdict != want {
			t.Errorf("%q: %s (%v), want %s", text, got.Summary(), err, want)
		}
	}
}

func TestEveryOperationOfTheLanguageRunsOnTheEngine(t *testing.T) {
	p, err := prog.Parse(`write f 0 64k o dsync
fsync f
fdatasync f
direct-write f 0 4k n
direct-read f 0 8k = n:4k,o:4k
store f 8k 4k s
load f 8k 4k = s
go other thread {
  aio-write f 16k 4k a as w
  reap w
  aio-read f 16k 4k as r
  reap r = a
}
repeat 3 {
  read f 0 4k = n
}
until other {
  read f 0 4k = n
}
join other
drop-caches
truncate f 32k
size f returns 32k
fallocate f 0 4k punch-hole
read f 0 8k = .:4k,o:4k
write g 0 64k o nowait may-fail EAGAIN|EOPNOTSUPP
fallocate g 0 4k collapse-range may-fail EOPNOTSUPP|EINVAL
fallocate g 0 4k insert-range may-fail EOPNOTSUPP|EINVAL
file-limit 128k
fill-disk 1m
remount
read f 0 8k = .:4k,o:4k
record off
fail reads f 8k 4k EIO times 1
drop-caches
direct-read f 8k 4k fails EIO
`)
	if err != nil {
		t.Fatal(err)
	}
	for _, fs := range []string{"xfs", "ext4", "btrfs", "btrfs/nodatasum", "gfs2"} {
		job := target.Job{Program: p, FS: spec(t, fs), Name: "all", Budget: 10}
		if x, res, _ := firstBad(t, job); x != nil {
			t.Errorf("%s: %s\n%s", fs, res.Summary(), x.History.Text(p))
		}
	}
}
