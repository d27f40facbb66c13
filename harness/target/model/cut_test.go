package model_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/iomapcheck/iomapcheck/harness/history"
	"github.com/iomapcheck/iomapcheck/harness/judge"
	"github.com/iomapcheck/iomapcheck/harness/prog"
	"github.com/iomapcheck/iomapcheck/harness/target"
	"github.com/iomapcheck/iomapcheck/harness/target/model"
)

// after runs a program and returns what its read after the cut found, by how many executions; each must be judged ok, or unexercised.
func after(t *testing.T, fs, text string) map[string]int {
	t.Helper()
	p, err := prog.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]int{}
	last := p.Steps()[len(p.Steps())-1].N
	err = model.New(model.Config{Release: "6.12"}).Run(context.Background(),
		target.Job{Program: p, FS: spec(t, fs), Name: t.Name(), Seed: 1, Budget: 300}, func(x target.Execution) bool {
			if v := judge.Judge(p, x.History); v.Verdict.Bad() || v.Verdict == judge.Infra {
				t.Errorf("%s: %s\n%s", fs, v.Summary(), x.History.Text(p))
				return false
			}
			for _, e := range x.History.Events {
				if e.Kind == history.Return && e.Op == last {
					found[e.Result()]++
				}
			}
			return true
		})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func TestTheStrategyChoosesWhatADiskKeepsOverACut(t *testing.T) {
	const overwrites = "write f 0 8k o\nfsync f\ndirect-write f 0 4k n\ndirect-write f 4k 4k n\n"
	for keep, want := range map[string][]string{
		"cut":                  {"o:8k"},
		"cut keeping oldest 1": {"n:4k,o:4k"},
		"cut keeping newest 1": {"o:4k,n:4k"},
		"cut keeping some":     {"o:8k", "n:4k,o:4k", "o:4k,n:4k", "n:8k"},
	} {
		found := after(t, "xfs", overwrites+keep+"\nread f 0 8k\n")
		for _, w := range want {
			if found[w] == 0 {
				t.Errorf("%s: %v, want %s among them", keep, found, w)
			}
		}
		if len(found) != len(want) {
			t.Errorf("%s: %v, want %v", keep, found, want)
		}
	}
}

// A task that runs when the power is cut may have come to any of its points, and none of them is a hang, a deadlock or an event.
func TestACutMayComeAtEveryPointOfWhatRunsBesideIt(t *testing.T) {
	for _, fs := range []string{"xfs", "ext4", "gfs2"} {
		found := after(t, fs, "write f 0 4k o\nfsync f\ngo w: direct-write f 0 4k n dsync\ncut\nread f 0 4k\n")
		if found["o:4k"] == 0 || found["n:4k"] == 0 {
			t.Errorf("%s: %v, want old and new", fs, found)
		}
	}
	// Its held request is never answered.
	found := after(t, "xfs", "write f 0 4k o\nfsync f\nhold writes\ngo w: direct-write f 0 4k n\nawait held 1\ncut\nread f 0 4k\n")
	if len(found) != 1 || found["o:4k"] == 0 {
		t.Errorf("a write that was held: %v, want what was before it", found)
	}
}

func TestWhatTheEngineDoesNotModelOfAPowerCutIsUnsupported(t *testing.T) {
	for _, fs := range []string{"zonefs", "xfs/dax", "ext4/inline"} {
		err := model.New(model.Config{Release: "6.12"}).Run(context.Background(),
			target.Job{Program: prog.New(prog.Fsync("f"), prog.Cut()), FS: spec(t, fs), Name: t.Name(), Budget: 1},
			func(target.Execution) bool { return true })
		var unsupported *target.UnsupportedError
		if !errors.As(err, &unsupported) || strings.TrimSpace(unsupported.Reason) == "" {
			t.Errorf("%s: got %v, want unsupported", fs, err)
		}
	}
}
