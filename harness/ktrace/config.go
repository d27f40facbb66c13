package ktrace

import (
	"fmt"
	"regexp"
	"strings"
)

// ProbeGroup is the group under which probes are reported, as in "iomapcheck:dio_warn_stale_pagecache".
const ProbeGroup = "iomapcheck"

// Config says what a Tracer records.
type Config struct {
	// Events are tracepoints, each "group:name", such as "iomap:iomap_dio_invalidate_fail".
	Events []string
	// Probes are kprobe events to define.
	Probes []Probe
	// BufferKiB is the size of the ring buffer of each processor; 0 leaves the kernel's default (1408 since before 5.10). When
	// it is full the oldest events are overwritten, and Read says so.
	BufferKiB int
}

// Probe is a kprobe event at the entry or the return of a kernel function. Functions that are inlined or marked notrace
// cannot be probed; available_filter_functions in tracefs lists most of those that can.
type Probe struct {
	// Name of the event, a C identifier; empty means the symbol's.
	Name string
	// Symbol is the kernel function.
	Symbol string
	// Formerly are names that the function had in older kernels: the first that there is gets the probe if there is no Symbol. The
	// event is called by Name, or Symbol, all the same.
	Formerly []string
	// Also are functions whose calls are the same event; those that the kernel lacks are left out. Kernels before 5.5 have one function
	// for an event, the first.
	Also []string
	// Return puts the probe at the function's return, where $retval is to be had.
	Return bool
	// Args are fetch arguments in the kernel's spelling (Documentation/trace/kprobetrace.rst), such as "ret=$retval:s32".
	Args string
	// Filter has only those hits recorded whose arguments fit, in the kernel's spelling (Documentation/trace/events.rst), as in "ret != 0". Hits
	// counts all. Empty for no filter.
	Filter string
}

// Missing is an event that this kernel does not offer.
type Missing struct {
	Name   string // "group:name" as it would have been reported
	Reason string // in the kernel's words where it gives any
}

func (m Missing) String() string { return m.Name + ": " + m.Reason }

// maxActive is how many tasks may be inside a function whose return is probed before further returns are missed. The
// default is the number of processors on a kernel without preemption: one, on a small guest, while the functions of interest sleep.
const maxActive = 64

func (p Probe) name() string {
	if p.Name != "" {
		return p.Name
	}
	return p.Symbol
}

// symbols are the functions to try, in order.
func (p Probe) symbols() []string { return append([]string{p.Symbol}, p.Formerly...) }

// definition is the line that defines the probe on a function in kprobe_events.
func (p Probe) definition(group, symbol string) string {
	kind := "p"
	if p.Return {
		kind = fmt.Sprintf("r%d", maxActive)
	}
	return strings.TrimSpace(fmt.Sprintf("%s:%s/%s %s %s", kind, group, p.name(), symbol, p.Args))
}

// identifier matches what tracefs takes for a group or an event. Anything else could leave the events folder or end a definition.
var identifier = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// check refuses what tracefs would misunderstand, and two events of one name: trace lines carry no group.
func (c Config) check() error {
	groups := map[string]string{}
	for _, e := range c.Events {
		group, name, ok := strings.Cut(e, ":")
		if !ok || !identifier.MatchString(group) || !identifier.MatchString(name) {
			return fmt.Errorf("check event %q: want group:name, each a C identifier", e)
		}
		if err := claim(groups, name, group); err != nil {
			return err
		}
	}
	for _, p := range c.Probes {
		if err := p.check(); err != nil {
			return err
		}
		if err := claim(groups, p.name(), ProbeGroup); err != nil {
			return err
		}
	}
	if c.BufferKiB < 0 {
		return fmt.Errorf("check trace buffer size %d KiB: want 0 or more", c.BufferKiB)
	}
	return nil
}

func claim(groups map[string]string, name, group string) error {
	if other, taken := groups[name]; taken {
		return fmt.Errorf("check event %s:%s: %s:%s has the same name, and trace lines carry no group; leave one out or name the probe otherwise",
			group, name, other, name)
	}
	groups[name] = group
	return nil
}

func (p Probe) check() error {
	if !identifier.MatchString(p.name()) {
		return fmt.Errorf("check probe %q: its name is not a C identifier", p.name())
	}
	for _, symbol := range append(p.symbols(), p.Also...) {
		if symbol == "" || strings.ContainsAny(symbol+p.Args+p.Filter, "\n;#") || strings.ContainsAny(symbol, " \t") {
			return fmt.Errorf("check probe %s: symbol %q or arguments %q have characters that would end the definition",
				p.name(), symbol, p.Args)
		}
	}
	return nil
}
