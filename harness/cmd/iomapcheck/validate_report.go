package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/iomapcheck/iomapcheck/harness/compare"
)

// outcome is what validate says, for machines.
type outcome struct {
	Base    string `json:"base"`    // release
	Patched string `json:"patched"` // likewise
	// Units is how many were compared.
	Units   int      `json:"units"`
	Changes []change `json:"changes"`
	// Chance are differences that may be chance.
	Chance    []compare.Difference `json:"chance,omitempty"`
	Latencies []compare.Pace       `json:"latencies,omitempty"` // that changed
	Faults    []string             `json:"faults,omitempty"`
}

// change is a difference that is no chance, with what the last verdicts said.
type change struct {
	compare.Difference
	BaseText    string `json:"base_text,omitempty"`
	PatchedText string `json:"patched_text,omitempty"`
	Evidence    string `json:"evidence,omitempty"` // of the patched kernel
}

// report prints the outcome; the exit code follows it.
func (v *validation) report(ctx context.Context) error {
	o := v.outcome()
	switch {
	case ctx.Err() != nil, len(o.Faults) > 0:
		v.app.code = exitInfra
	case len(o.Changes)+len(o.Latencies) > 0:
		v.app.code = exitBad
	}
	if err := v.writeJSON(o); err != nil {
		return err
	}
	people := v.app.out
	if v.flags.json == "-" {
		people = v.app.errOut
	}
	text := o.String()
	if ctx.Err() != nil {
		text += "interrupted: what is above is of the rounds until then\n"
	}
	return v.progress.println(people, strings.TrimSuffix(text, "\n"))
}

func (v *validation) outcome() outcome {
	o := outcome{Base: v.sides.base.Target.Release(), Patched: v.sides.patched.Target.Release(), Changes: []change{}, Faults: v.fault}
	for name := range v.last {
		if v.study.Rounds(name) > 0 {
			o.Units++
		}
	}
	changes, chance := v.study.Differences()
	o.Chance = chance
	for _, d := range changes {
		last := v.last[d.Unit]
		o.Changes = append(o.Changes, change{d, why(last[0].Text, last[0].Row), why(last[1].Text, last[1].Row), last[1].Evidence})
	}
	for _, p := range v.study.Paces(func(unit string) string { _, fs, _ := strings.Cut(unit, "@"); return fs }) {
		if p.Changed() {
			o.Latencies = append(o.Latencies, p)
		}
	}
	return o
}

// why is what a verdict says, and what the catalogue knows of it.
func why(text, row string) string {
	if row == "" || strings.Contains(text, row) {
		return text
	}
	return strings.TrimPrefix(text+"; listed: "+row, "; ")
}

// String is the outcome for people.
func (o outcome) String() string {
	var b strings.Builder
	for _, c := range o.Changes {
		fmt.Fprintf(&b, "changed  %s: %s: %s → %s\n", c.Unit, c.Facet, counts(c.Base), counts(c.Patched))
		fmt.Fprintf(&b, "         by chance in %.2g of all ways to deal out %d values a side\n", c.Chance, c.Rounds)
		for _, line := range []struct{ side, text string }{{"base", c.BaseText}, {"patched", c.PatchedText}, {"evidence", c.Evidence}} {
			if line.text != "" {
				fmt.Fprintf(&b, "         %-8s %s\n", line.side, line.text)
			}
		}
	}
	for _, p := range o.Latencies {
		fmt.Fprintf(&b, "changed  latency of %s on %s: median %v → %v, ×%.2f (%d pairs, by chance %.1g)\n",
			p.Verb, p.FS, short(p.Base), short(p.Patched), p.Ratio, p.Pairs, p.Chance)
	}
	for _, d := range o.Chance {
		fmt.Fprintf(&b, "chance?  %s: %s: %s → %s (by chance %.2g)\n", d.Unit, d.Facet, counts(d.Base), counts(d.Patched), d.Chance)
	}
	for _, f := range o.Faults {
		fmt.Fprintf(&b, "infra    %s\n", f)
	}
	fmt.Fprintf(&b, "%s against %s: %d units compared, %d changes, %d of latency, %d that may be chance\n",
		o.Patched, o.Base, o.Units, len(o.Changes), len(o.Latencies), len(o.Chance))
	return b.String()
}

// counts are values with how often they were seen: "ok 4×, fail 1×", or only the value if there is one.
func counts(of map[string]int) string {
	var parts []string
	for _, value := range slices.Sorted(maps.Keys(of)) {
		if len(of) == 1 {
			return value
		}
		parts = append(parts, fmt.Sprintf("%s %d×", value, of[value]))
	}
	return strings.Join(parts, ", ")
}

// short is a duration of three digits or so.
func short(ns int64) time.Duration {
	d := time.Duration(ns)
	for unit := time.Duration(1); ; unit *= 10 {
		if d < 1000*unit {
			return d.Round(unit)
		}
	}
}
