package exec

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/iomapcheck/iomapcheck/harness/history"
	"github.com/iomapcheck/iomapcheck/harness/prog"
)

// A run goes on with the program that it is given where it branches: tasks that it began end in it, others are its own, and what is read at
// the end is what the whole program wrote.
func TestARunGoesOnWithTheProgramThatItIsGiven(t *testing.T) {
	const beginning = "write f 0 8k o\ngo early: write f 0 4k e\n"
	parse := func(text string) prog.Program {
		p, err := prog.Parse(beginning + text)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	first := parse("go never: write f 0 8k x\njoin never\n")
	second := parse("join early\ngo late: direct-write f 4k 4k l\njoin late\nread f 0 8k may-block\nremount\nread f 0 8k\n")
	ctx, end := context.WithTimeout(t.Context(), minute)
	defer end()
	var mu sync.Mutex
	var tasks, reads []string
	err := Run(ctx, first, Env{
		Root: t.TempDir(), Disk: &plainDisk{}, Remount: func() error { return nil },
		BranchAt: 3, Branch: func(context.Context) (prog.Program, error) { return second, nil },
		Emit: func(e history.Event) {
			mu.Lock()
			defer mu.Unlock()
			if e.Kind == history.Invoke && !slices.Contains(tasks, e.Task) {
				tasks = append(tasks, e.Task)
			}
			if e.Kind == history.Return && (e.Op == 7 || e.Op == 9) {
				reads = append(reads, e.Data.String())
			}
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(tasks)
	if got := strings.Join(tasks, " "); got != "early late main" {
		t.Errorf("tasks %s, want early, late and main", got)
	}
	if got := strings.Join(reads, " "); got != "e:4k,l:4k e:4k,l:4k" {
		t.Errorf("read %s, want what both programs' tasks wrote, twice", got)
	}
}
