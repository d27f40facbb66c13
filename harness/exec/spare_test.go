package exec

import (
	"fmt"
	"os"
	"slices"
	"sync"
	"testing"

	"github.com/iomapcheck/iomapcheck/harness/history"
	"github.com/iomapcheck/iomapcheck/harness/prog"
)

// runWithSpares runs a program of two tasks with n spares, and says in which of them a task ran, in the order of the spares.
func runWithSpares(t *testing.T, n int) []bool {
	t.Helper()
	p, err := prog.Parse("go w: write f 0 4k n\njoin w\nread f 0 4k = n\n")
	if err != nil {
		t.Fatal(err)
	}
	var spares []*Spare
	for range n {
		s, err := StartSpare(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = s.process.Kill() }) // it has ended, unless nobody needed it
		spares = append(spares, s)
	}
	used := make([]bool, n)
	var mu sync.Mutex
	err = Run(t.Context(), p, Env{Root: t.TempDir(), Disk: &plainDisk{}, Spares: spares, Remount: func() error { return nil }, Emit: func(e history.Event) {
		mu.Lock()
		defer mu.Unlock()
		for i, s := range spares {
			// The note that a task is ready names its thread while the process is there.
			if _, err := os.Stat(fmt.Sprintf("/proc/%d/task/%d", s.process.Pid, e.N)); err == nil && e.Kind == history.Note && e.Name == "thread" {
				used[i] = true
			}
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	return used
}

func TestTasksRunInSpareProcessesFirstAndTheOthersAreLeftAlone(t *testing.T) {
	for n, want := range map[int][]bool{0: {}, 1: {true}, 3: {true, true, true}, 4: {true, true, true, false}} {
		if used := runWithSpares(t, n); !slices.Equal(used, want) {
			t.Errorf("of %d spares were used %v, want %v (main, w, and what reads the files at the end)", n, used, want)
		}
	}
}

// The thread that carries a task out may be the first to die of a kill, and another one sleeps in the process's end.
func TestATaskWhoseThreadIsGoneIsTheThreadThatIsLeft(t *testing.T) {
	self, err := os.FindProcess(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	const none = 1 << 30
	left := livingThread(&proc{process: self, tid: none})
	if _, err := os.Stat(threadFile(os.Getpid(), left, "status")); err != nil {
		t.Errorf("thread %d: %v", left, err)
	}
	if own := livingThread(&proc{process: self, tid: os.Getpid()}); own != os.Getpid() {
		t.Errorf("thread %d for a living task of thread %d", own, os.Getpid())
	}
}
