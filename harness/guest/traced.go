package guest

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/iomapcheck/iomapcheck/harness/exec"
	"github.com/iomapcheck/iomapcheck/harness/history"
	"github.com/iomapcheck/iomapcheck/harness/ktrace"
	"github.com/iomapcheck/iomapcheck/harness/prog"
	"github.com/iomapcheck/iomapcheck/harness/wire"
)

// tracing is a tracer under way.
type tracing struct {
	of      wire.Trace
	tracer  *ktrace.Tracer
	missing []string // events that this kernel does not have, with reasons
}

func startTracing(ctx context.Context, of wire.Trace) (*tracing, error) {
	tracer, missing, err := ktrace.Start(ctx, "", traceConfig(of))
	if err != nil {
		return nil, err
	}
	t := &tracing{of: of, tracer: tracer}
	for _, m := range missing {
		t.missing = append(t.missing, m.String())
	}
	return t, nil
}

func (t *tracing) close() error { return t.tracer.Close() }

// extend has what a program wants traced as well. What is traced beside that does no harm; but a program that wants nothing of what is traced for
// most gets it all the same.
func (t *tracing) extend(ctx context.Context, want wire.Trace) error {
	lacks := wire.Trace{Events: without(want.Events, t.of.Events), Probes: without(want.Probes, t.of.Probes)}
	if len(lacks.Events)+len(lacks.Probes) == 0 {
		return nil
	}
	missing, err := t.tracer.Extend(ctx, traceConfig(lacks))
	if err != nil {
		return err
	}
	for _, m := range missing {
		t.missing = append(t.missing, m.String())
	}
	t.of.Events, t.of.Probes = append(t.of.Events, lacks.Events...), append(t.of.Probes, lacks.Probes...)
	return nil
}

// without is the list without what is in the other.
func without(list, other []string) []string {
	return slices.DeleteFunc(slices.Clone(list), func(s string) bool { return slices.Contains(other, s) })
}

// traced runs the program with its events traced, and sends what fired afterwards, also after a hang.
func (a *agent) traced(setup context.Context, r *ready, j wire.Job, p prog.Program, done *wire.Done) error {
	if err := r.trace.extend(setup, j.Trace); err != nil {
		return errors.Join(err, r.trace.close())
	}
	done.Missing = r.trace.missing
	tasks := &taskNames{emit: a.emit, byTID: map[int]string{}}
	turns := turns{
		cut: func(ctx context.Context, op prog.Op) error {
			return a.cutPower(ctx, op, j.Nonce, done, func() error { return a.sendTrace(r.trace.tracer, tasks, j.Last) })
		},
		branch: func(ctx context.Context) (prog.Program, error) { return a.branch(ctx, done) },
	}
	err := a.runProgram(r, j, p, tasks.take, turns)
	return errors.Join(err, a.sendTrace(r.trace.tracer, tasks, j.Last))
}

func traceConfig(j wire.Trace) ktrace.Config {
	c := ktrace.Config{Events: j.Events}
	for _, f := range j.Probes {
		c.Probes = append(c.Probes, ktrace.Probe{Symbol: f, Formerly: history.Formerly(f), Also: history.Likewise(f), Args: ktrace.FolioArgument(f)})
	}
	return c
}

// sendTrace reads what fired, gives each event its task, and sends it. The tracer of a guest's last job ends with the guest: on a slow machine
// it takes long to remove probes.
func (a *agent) sendTrace(tracer *ktrace.Tracer, tasks *taskNames, last bool) error {
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
	if last {
		return err
	}
	return errors.Join(err, tracer.Close())
}

// noise says whether an event happens all the time and everywhere in the machine, so that it is of interest in the program's tasks
// alone.
func noise(e ktrace.Event) bool {
	return e.Name == ktrace.ProbeGroup+":folio_unlock" || e.Name == ktrace.ProbeGroup+":unlock_page"
}

// taskNames passes events on and learns from them which thread is which task. Before a power cut the trace is read while tasks run.
type taskNames struct {
	emit func(history.Event)

	mu    sync.Mutex
	byTID map[int]string
}

func (t *taskNames) take(e history.Event) {
	if e.Kind == history.Note && e.Name == "thread" {
		t.mu.Lock()
		defer t.mu.Unlock()
		t.byTID[int(e.N)] = e.Task
		return
	}
	t.emit(e)
}

// name is the task of a thread, "" for one that is not the program's, such as a kernel worker.
func (t *taskNames) name(tid int) string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.byTID[tid]
}
