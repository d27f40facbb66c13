package observe

import (
	"slices"
	"strings"

	"github.com/iomapcheck/iomapcheck/harness/ktrace"
	"github.com/iomapcheck/iomapcheck/harness/prog"
	"github.com/iomapcheck/iomapcheck/harness/wire"
)

// Wanted is what is traced for a program; for the empty program, what is for most.
func Wanted(p prog.Program) wire.Trace {
	return wire.Trace{Events: tracedEvents(p), Probes: tracedFunctions(p)}
}

// tracedEvents are the tracepoints that every history of a direct write is better understood with, and those that the program speaks of.
// Who was killed for want of memory is of interest where memory is limited.
func tracedEvents(p prog.Program) []string {
	events := []string{"iomap:iomap_dio_invalidate_fail", "iomap:iomap_dio_rw_begin", "iomap:iomap_dio_complete"}
	if p.LimitsMemory() {
		events = append(events, "oom:mark_victim")
	}
	for _, e := range p.Events() {
		if _, probe := function(e); !probe && !slices.Contains(events, e) {
			events = append(events, e)
		}
	}
	return events
}

// tracedFunctions are kernel functions whose call is evidence: the judge lets stale page cache pass only where the first was called, and
// those that the program speaks of.
func tracedFunctions(p prog.Program) []string {
	functions := []string{"dio_warn_stale_pagecache"}
	for _, e := range p.Events() {
		if f, probe := function(e); probe && !slices.Contains(functions, f) {
			functions = append(functions, f)
		}
	}
	return functions
}

// function is the kernel function whose calls an event is, if it is that.
func function(event string) (string, bool) { return strings.CutPrefix(event, ktrace.ProbeGroup+":") }
