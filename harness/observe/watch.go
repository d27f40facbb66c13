// Package observe traces a program's tasks: which kernel events are of interest for a program, and which of those that fired were whose. A
// guest does that for its programs, and the host target for those that run on this machine's kernel.
package observe

import (
	"context"
	"errors"
	"slices"
	"strings"
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
	// standsFor are functions that cannot be probed, by the tracepoint in each of them.
	standsFor map[string]string
}

// Start has the events recorded from now on. It needs root's rights and tracefs, which is mounted at root; "" is where it usually is. Close
// ends it.
func Start(ctx context.Context, root string, of wire.Trace) (*Watch, error) {
	tracer, missing, err := ktrace.Start(ctx, root, config(of))
	if err != nil {
		return nil, err
	}
	w := &Watch{of: of, tracer: tracer, standsFor: map[string]string{}}
	w.lacks(missing)
	return w, nil
}

// lacks notes what the kernel does not offer. A function that cannot be probed is not missing where a tracepoint in it is recorded.
func (w *Watch) lacks(missing []ktrace.Missing) {
	gone := func(name string) bool {
		return slices.ContainsFunc(missing, func(m ktrace.Missing) bool { return m.Name == name })
	}
	for _, m := range missing {
		if point := within(m.Name); point != "" && slices.Contains(w.of.Events, point) && !gone(point) {
			w.standsFor[point] = m.Name
			continue
		}
		w.missing = append(w.missing, m.String())
	}
}

// within is the tracepoint that fires once for every call of a function, "" where there is none: kernels without kprobes have that at
// least. __iomap_dio_rw has one since 6.6.
func within(probe string) string {
	if probe == ktrace.ProbeGroup+":__iomap_dio_rw" {
		return "iomap:iomap_dio_rw_begin"
	}
	return ""
}

// Missing are the events that this kernel does not have, each with the reason.
func (w *Watch) Missing() []string { return w.missing }

// MissingOf is Missing of these events alone: a Watch may have been extended for other programs.
func (w *Watch) MissingOf(want wire.Trace) []string {
	var out []string
	for _, line := range w.missing {
		is := func(name string) bool { return strings.HasPrefix(line, name+":") }
		probe := func(symbol string) bool { return is(ktrace.ProbeGroup + ":" + symbol) }
		if slices.ContainsFunc(want.Events, is) || slices.ContainsFunc(want.Probes, probe) {
			out = append(out, line)
		}
	}
	return out
}

// Clear forgets what has fired until now.
func (w *Watch) Clear(ctx context.Context) error { return w.tracer.Clear(ctx) }

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
	w.of.Events, w.of.Probes = append(w.of.Events, lacks.Events...), append(w.of.Probes, lacks.Probes...)
	w.lacks(missing)
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
		fired := history.Event{Kind: history.Trace, Time: e.Time, Op: -1, Task: tasks.name(e.PID), Name: e.Name, Text: e.Fields, Folio: e.Folio()}
		tasks.emit(fired)
		if probe := w.standsFor[e.Name]; probe != "" {
			fired.Name, fired.Text, fired.Folio = probe, "by its tracepoint "+e.Name, ""
			tasks.emit(fired)
		}
	}
	return err
}

// noise says whether an event happens all the time and everywhere in the machine, so that it is of interest in the program's tasks
// alone.
func noise(e ktrace.Event) bool {
	return e.Name == ktrace.ProbeGroup+":folio_unlock" || e.Name == ktrace.ProbeGroup+":unlock_page"
}
