package model_test

import (
	"context"
	"strings"
	"testing"

	"github.com/iomapcheck/iomapcheck/harness/judge"
	"github.com/iomapcheck/iomapcheck/harness/prog"
	"github.com/iomapcheck/iomapcheck/harness/target"
	"github.com/iomapcheck/iomapcheck/harness/target/model"
)

// judged explores a program on the engine and merges what the judge says.
func judged(t *testing.T, fs, text string, budget int) judge.Result {
	t.Helper()
	p, err := prog.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	var results []judge.Result
	err = model.New(model.Config{Release: "6.12"}).Run(context.Background(), target.Job{Program: p, FS: spec(t, fs), Name: "language", Budget: budget, Seed: 1},
		func(x target.Execution) bool {
			results = append(results, judge.Judge(p, x.History))
			return true
		})
	if err != nil {
		t.Fatal(err)
	}
	return judge.Merge(results)
}

func TestTheEngineCarriesOutTheWholeLanguage(t *testing.T) {
	for _, c := range []struct{ name, fs, program string }{
		{"a write from a mapping", "xfs", "write g 0 16k n\nfsync g\ndrop-caches\nwrite f 0 16k o\ndirect-write f 0 16k n via g 0\nread f 0 16k = n\n"},
		{"a read into a mapping", "xfs", "write f 0 16k n\ntruncate h 272k\ndirect-read f 0 16k via h 256k = n\nload h 256k 16k = n\n"},
		{"guarded pages", "xfs", "write f 0 16k n\nread f 0 16k guard 4k returns 4k\ndirect-read f 0 16k guard 0 fails EFAULT\n"},
		{"an asynchronous write from a mapping", "xfs", "write g 0 4k n\naio-write f 0 4k n as w via g 0\nreap w returns 4k\nread f 0 4k = n\n"},
		{"the cache", "xfs", "write f 0 16k n\nfsync f\nevict f 0 16k\nresident f 0 16k returns 0\nread f 0 16k\nresident f 0 16k returns 16k\npin f 0 16k\nevict f 0 16k\nresident f 0 16k returns 16k\nunpin f 0 16k\nmlock f 0 4k\nmunlock f 0 4k\n"},
		{"memory", "xfs", "write f 0 64k n\nfsync f\nmemory max 32k\nread f 0 16k = n\nread f 16k 16k = n\nread f 32k 16k = n\nreclaim 32k\nresident f 0 64k returns 0\nmemory max none\n"},
		{"a read of more than the limit", "xfs", "write f 0 64k n\nfsync f\ndrop-caches\nmemory max 32k\nread f 0 64k = n\nmemory max none\n"},
		{"a kill", "xfs", "write g 0 64k n\nfsync g\nmemory max 16k\ngo eater {\n  mlock g 0 64k may-fail SIGKILL\n  fsync g\n}\njoin eater\nmemory max none\nread g 0 64k = n\nevent oom:mark_victim\n"},
		{"a clone", "xfs", "write f 0 16k o\nclone f g\nread g 0 16k = o\nwrite g 0 4k n\nread f 0 16k = o\nfallocate f 0 16k unshare\n"},
		{"an attribute", "ext4", "attr f jdata\nwrite f 0 16k n\nfsync f\nread f 0 16k = n\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if res := judged(t, c.fs, c.program, 20); res.Verdict != judge.OK {
				t.Error(res.Summary())
			}
		})
	}
	if res := judged(t, "xfs", "write g 0 64k n\nfsync g\nmemory max 16k\nmlock g 0 64k\n", 5); res.Rule != judge.RuleOOM {
		t.Errorf("a kill that is not allowed: %s", res.Summary())
	}
	if res := judged(t, "xfs", "attr f jdata\n", 5); res.Verdict != judge.Unsupported {
		t.Errorf("an attribute that xfs lacks: %s", res.Summary())
	}
}

func TestEachNamedStrategyRunsAndAnyOtherIsRefused(t *testing.T) {
	m := model.New(model.Config{Release: "6.12"})
	job := target.Job{Program: program(t, "coherence/post-write-invalidation"), FS: spec(t, "xfs"), Name: "strategies", Budget: 3}
	for _, name := range model.Strategies() {
		job.Strategy = name
		n := 0
		if err := m.Run(t.Context(), job, func(target.Execution) bool { n++; return true }); err != nil || n != 3 {
			t.Errorf("%s: %d executions, %v", name, n, err)
		}
	}
	job.Strategy = "luck"
	if err := m.Run(t.Context(), job, nil); err == nil || !strings.Contains(err.Error(), "random, pct2") {
		t.Errorf("got %v", err)
	}
}

func TestAShrunkExecutionIsBadInTheSameWayAndReplays(t *testing.T) {
	m := model.New(model.Config{Release: "6.12"})
	job := target.Job{Program: program(t, "coherence/post-write-invalidation"), FS: spec(t, "xfs"), Name: "shrink", Budget: 200, Seed: 3,
		Mutants: []string{"dio-skip-post-invalidate"}, Strategy: "random"}
	bad, res, _ := firstBad(t, job)
	if bad == nil {
		t.Fatal("nothing to shrink")
	}
	isBad := func(x target.Execution) bool {
		again := judge.Judge(job.Program, x.History)
		return again.Verdict == res.Verdict && again.Rule == res.Rule
	}
	small, err := m.Shrink(t.Context(), job, bad.Replay, isBad)
	if err != nil || !isBad(small) || len(small.Replay) > len(bad.Replay) {
		t.Fatalf("shrunk %s to %s, %v", bad.Replay, small.Replay, err)
	}
	job.Replay = small.Replay
	if err := m.Run(t.Context(), job, func(x target.Execution) bool {
		if text(t, x.History) != text(t, small.History) {
			t.Error("the shrunk token gives another history")
		}
		return false
	}); err != nil {
		t.Error(err)
	}
	if _, err := m.Shrink(t.Context(), job, small.Replay, func(target.Execution) bool { return false }); err == nil {
		t.Error("an execution that is not bad was shrunk")
	}
}

// A strategy that starves a task by itself says nothing of a kernel.
func TestABoundOnOvertakingIsJudgedOnFairSchedulesOnly(t *testing.T) {
	const stream = "write f 0 4k o\ngo stream {\n  repeat 100 {\n    direct-write g 0 4k n\n  }\n}\nfsync f before 64 later stream\njoin stream\n"
	if res := judged(t, "xfs", stream, 30); res.Verdict != judge.OK {
		t.Error(res.Summary())
	}
}
