package guest

import (
	"context"
	"errors"
	"time"

	"github.com/iomapcheck/iomapcheck/harness/exec"
	"github.com/iomapcheck/iomapcheck/harness/history"
	"github.com/iomapcheck/iomapcheck/harness/ktrace"
	"github.com/iomapcheck/iomapcheck/harness/prog"
	"github.com/iomapcheck/iomapcheck/harness/wire"
)

// traced runs the program with its events traced, and sends what fired afterwards, also after a hang.
func (a *agent) traced(j wire.Job, p prog.Program, done *wire.Done) error {
	setup, cancel := context.WithTimeout(context.Background(), time.Duration(j.SetupLimit))
	defer cancel()
	a.phase("start tracing")
	tracer, missing, err := ktrace.Start(setup, "", traceConfig(j))
	if err != nil {
		return err
	}
	for _, m := range missing {
		done.Missing = append(done.Missing, m.String())
	}
	tasks := &taskNames{emit: a.emit, byTID: map[int]string{}}
	err = a.runProgram(j, p, tasks.take)
	return errors.Join(err, a.sendTrace(tracer, tasks))
}

func traceConfig(j wire.Job) ktrace.Config {
	c := ktrace.Config{Events: j.Events}
	for _, f := range j.Probes {
		c.Probes = append(c.Probes, ktrace.Probe{Symbol: f, Formerly: history.Formerly(f), Args: ktrace.FolioArgument(f)})
	}
	return c
}

// sendTrace reads what fired, gives each event its task, and sends it.
func (a *agent) sendTrace(tracer *ktrace.Tracer, tasks *taskNames) error {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	events, err := tracer.Read(ctx)
	var lost *ktrace.LostError
	if errors.As(err, &lost) {
		// Events that are there are evidence all the same; a witness that is not there is missing, and this says why it may be.
		a.emit(history.Event{Kind: history.Note, Time: exec.Now(), Op: -1, Name: "trace-lost", Text: lost.Error()})
		err = nil
	}
	for _, e := range events {
		if noise(e) && tasks.name(e.PID) == "" {
			continue
		}
		a.emit(history.Event{Kind: history.Trace, Time: e.Time, Op: -1, Task: tasks.name(e.PID), Name: e.Name, Text: e.Fields, Folio: e.Folio()})
	}
	return errors.Join(err, tracer.Close())
}

// noise says whether an event happens all the time and everywhere in the machine, so that it is of interest in the program's tasks
// alone.
func noise(e ktrace.Event) bool {
	return e.Name == ktrace.ProbeGroup+":folio_unlock" || e.Name == ktrace.ProbeGroup+":unlock_page"
}

// taskNames passes events on and learns from them which thread is which task. It is used by one goroutine at a time: the
// interpreter serialises what it emits, and has ended when the trace is read.
type taskNames struct {
	emit  func(history.Event)
	byTID map[int]string
}

func (t *taskNames) take(e history.Event) {
	if e.Kind == history.Note && e.Name == "thread" {
		t.byTID[int(e.N)] = e.Task
		return
	}
	t.emit(e)
}

// name is the task of a thread, "" for one that is not the program's, such as a kernel worker.
func (t *taskNames) name(tid int) string { return t.byTID[tid] }
