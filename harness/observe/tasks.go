package observe

import (
	"sync"

	"github.com/iomapcheck/iomapcheck/harness/history"
)

// Tasks passes a program's events on and learns from them which thread is which task. Before a power cut the trace is read while tasks run.
type Tasks struct {
	emit func(history.Event)

	mu    sync.Mutex
	byTID map[int]string
}

// NewTasks passes events on to emit.
func NewTasks(emit func(history.Event)) *Tasks { return &Tasks{emit: emit, byTID: map[int]string{}} }

// Take takes an event of the program: exec.Env's Emit.
func (t *Tasks) Take(e history.Event) {
	if e.Kind == history.Note && e.Name == "thread" {
		t.mu.Lock()
		defer t.mu.Unlock()
		t.byTID[int(e.N)] = e.Task
		return
	}
	t.emit(e)
}

// name is the task of a thread, "" for one that is not the program's, such as a kernel worker.
func (t *Tasks) name(tid int) string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.byTID[tid]
}
