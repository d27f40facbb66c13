package campaign

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/iomapcheck/iomapcheck/harness/fsys"
	"github.com/iomapcheck/iomapcheck/harness/prog"
)

// Unit is one thing to be judged: a case with its parameters on a file system.
type Unit struct {
	Case    prog.Case
	Variant prog.Variant
	FS      fsys.Spec
	// Pressure is how the program's memory is made short.
	Pressure prog.Dial
}

// CaseName is the case's ID with its parameters and the memory pressure, as in progress/truncate-waits-for-dio~aio+high.
func (u Unit) CaseName() string { return caseName(u.Case.ID, u.Variant.Name, string(u.Pressure)) }

func caseName(id, variant, pressure string) string {
	if variant != "" {
		id += "~" + variant
	}
	if pressure != "" {
		id += "+" + pressure
	}
	return id
}

// What makes it worth while to share a program's beginning: with how many other variants, and how many operations of it.
const (
	sharers = 3
	shared  = 3
)

// branch is where the other variants of the unit's case, which begin as p does, go on differently; 0 for nowhere.
func (u Unit) branch(p prog.Program) int {
	if u.FS.FS.OpensWait {
		return 0 // those who go on open their files there
	}
	var others []prog.Program
	for _, v := range u.Case.Variants {
		others = append(others, v.Program)
	}
	if at := p.Beginning(others, sharers); at >= shared {
		return at
	}
	return 0
}

// Name is the unit's name: case, parameters and file system. ParseName reads it.
func (u Unit) Name() string { return u.CaseName() + "@" + u.FS.String() }

// Selection picks units; empty lists pick all.
type Selection struct {
	// Cases are globs of IDs ("fallback/*"), with parameters where only some are meant ("*/truncate-*~aio").
	Cases []string
	// FS are file systems with their variants, as in btrfs/nodatasum.
	FS []string
	// Quick leaves out what is for the night: variants that are Nightly.
	Quick bool
}

// Plan lists the units that the selection picks, by case and file system. Picking nothing is an error that says what there is.
func Plan(catalogue []prog.Case, sel Selection) ([]Unit, error) {
	specs, err := parseSpecs(sel.FS)
	if err != nil {
		return nil, err
	}
	var units []Unit
	for _, glob := range sel.Cases {
		if _, err := path.Match(glob, ""); err != nil {
			return nil, fmt.Errorf("case pattern %q: %w", glob, err)
		}
	}
	for _, c := range catalogue {
		for _, v := range c.Variants {
			if sel.Quick && v.Nightly {
				continue
			}
			for _, s := range specs {
				if u := (Unit{Case: c, Variant: v, FS: s}); u.picked(sel.Cases) {
					units = append(units, u)
				}
			}
		}
	}
	if len(units) == 0 {
		if sel.Quick {
			sel.Quick = false
			if _, err := Plan(catalogue, sel); err == nil {
				return nil, fmt.Errorf("what %s matches is nightly: a quick selection leaves it out", strings.Join(sel.Cases, ", "))
			}
		}
		return nil, fmt.Errorf("no case matches %s; there are %s", strings.Join(sel.Cases, ", "), strings.Join(names(catalogue), ", "))
	}
	return units, nil
}

func parseSpecs(list []string) ([]fsys.Spec, error) {
	switch {
	case len(list) == 0:
		return fsys.Defaults(), nil
	case slices.Equal(list, []string{"all"}):
		return fsys.All(), nil
	}
	var specs []fsys.Spec
	for _, text := range list {
		s, err := fsys.Parse(text)
		if err != nil {
			return nil, err
		}
		if !slices.ContainsFunc(specs, func(other fsys.Spec) bool { return other.String() == s.String() }) {
			specs = append(specs, s)
		}
	}
	return specs, nil
}

func (u Unit) picked(globs []string) bool {
	return len(globs) == 0 || slices.ContainsFunc(globs, func(glob string) bool {
		id, _ := path.Match(glob, u.Case.ID)
		full, _ := path.Match(glob, u.CaseName())
		return id || full
	})
}

func names(catalogue []prog.Case) []string {
	var out []string
	for _, c := range catalogue {
		out = append(out, c.ID)
	}
	return out
}

// ParseName finds the unit of a name that Unit.Name gave.
func ParseName(catalogue []prog.Case, name string) (Unit, error) {
	full, fs, ok := strings.Cut(name, "@")
	caseName, dial, _ := strings.Cut(full, "+")
	spec, err := fsys.Parse(fs)
	pressure, dialErr := ParsePressure(dial)
	if !ok || err != nil || dialErr != nil {
		return Unit{}, fmt.Errorf("unit %q: want CASE@FS, CASE~PARAMETERS@FS or CASE~PARAMETERS+PRESSURE@FS", name)
	}
	for _, c := range catalogue {
		for _, v := range c.Variants {
			if u := (Unit{Case: c, Variant: v, FS: spec}); u.CaseName() == caseName {
				u.Pressure = pressure
				return u, nil
			}
		}
	}
	return Unit{}, fmt.Errorf("unit %q: there is no case %s; there are %s", name, caseName, strings.Join(names(catalogue), ", "))
}
