// Package observe traces a program's tasks: which kernel events are of interest for a program, and which of those that fired were whose. A
// guest does that for its programs, and the host target for those that run on this machine's kernel.
package observe

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/iomapcheck/iomapcheck/harness/exec"
	"github.com/iomapcheck/iomapcheck/harness/history"
	"github.com/iomapcheck/iomapcheck/harness/ktrace"
	"github.com/iomapcheck/iomapcheck/harness/wire"
)

// Watch is a tracer under way. Its methods are called by one goroutine at a time.
type Watch struct {
	of      wire.Trace
	tracer  *ktrace.Tracer
	missing []string // events that this kernel does not have, with reasons
}

// Start has the events recorded from now on. It needs root's rights and tracefs. Close ends it.
func Start(ctx context.Context, of wire.Trace) (*Watch, error) {
	tracer, missing, err := ktrace.Start(ctx, "", config(of))
	if err != nil {
		return nil, err
	}
	w := &Watch{of: of, tracer: tracer}
	w.lacks(missing)
	return w, nil
}

func (w *Watch) lacks(missing []ktrace.Missing) {
	for _, m := range missing {
		w.missing = append(w.missing, m.String())
	}
}

// Missing are the events that this kernel does not have, each with the reason.
func (w *Watch) Missing() []string { return w.missing }

// Close switches the events off. What was recorded is gone.
func (w *Watch) Close() error { return w.tracer.Close() }

// Extend has what a program wants traced as well. What is traced beside that does no harm; but a program that wants nothing of what is traced for
// most gets it all the same.
func (w *Watch) Extend(ctx context.Context, want wire.Trace) error {
	lacks := wire.Trace{Events: without(want.Events, w.of.Events), Probes: without(want.Probes, w.of.Probes)}
	if len(lacks.Events)+len(lacks.Probes) == 0 {
		return nil
	}
	missing, err := w.tracer.Extend(ctx, config(lacks))
	if err != nil {
		return err
	}
	w.lacks(missing)
	w.of.Events, w.of.Probes = append(w.of.Events, lacks.Events...), append(w.of.Probes, lacks.Probes...)
	return nil
}

// without is the list without what is in the other.
func without(list, other []string) []string {
	return slices.DeleteFunc(slices.Clone(list), func(s string) bool { return slices.Contains(other, s) })
}

func config(of wire.Trace) ktrace.Config {
	c := ktrace.Config{Events: of.Events}
	for _, f := range of.Probes {
		c.Probes = append(c.Probes, ktrace.Probe{Symbol: f, Formerly: history.Formerly(f), Also: history.Likewise(f), Args: ktrace.FolioArgument(f)})
	}
	return c
}

// reportLimit bounds the reading of what fired.
const reportLimit = 30 * time.Second

// Report reads what fired, gives each event its task, and emits it.
func (w *Watch) Report(tasks *Tasks) error {
	ctx, cancel := context.WithTimeout(context.Background(), reportLimit)
	defer cancel()
	events, err := w.tracer.Read(ctx)
	var lost *ktrace.LostError
	if errors.As(err, &lost) {
		// Events that are there are evidence all the same; a witness that is not there is missing, and this says why it may be.
		tasks.emit(history.Event{Kind: history.Note, Time: exec.Now(), Op: -1, Name: "trace-lost", Text: lost.Error()})
		err = nil
	}
	for _, e := range events {
		if noise(e) && tasks.name(e.PID) == "" {
			continue
		}
		tasks.emit(history.Event{Kind: history.Trace, Time: e.Time, Op: -1, Task: tasks.name(e.PID), Name: e.Name, Text: e.Fields, Folio: e.Folio()})
	}
	return err
}

// noise says whether an event happens all the time and everywhere in the machine, so that it is of interest in the program's tasks
// alone.
func noise(e ktrace.Event) bool {
	return e.Name == ktrace.ProbeGroup+":folio_unlock" || e.Name == ktrace.ProbeGroup+":unlock_page"
}
