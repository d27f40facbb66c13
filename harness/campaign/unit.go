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
}

// CaseName is the case's ID with its parameters, as in progress/truncate-waits-for-dio~aio.
func (u Unit) CaseName() string {
	if u.Variant.Name == "" {
		return u.Case.ID
	}
	return u.Case.ID + "~" + u.Variant.Name
}

// Name is the unit's name: case, parameters and file system. ParseName reads it.
func (u Unit) Name() string { return u.CaseName() + "@" + u.FS.String() }

// Selection picks units; empty lists pick all.
type Selection struct {
	// Cases are globs of IDs ("fallback/*"), with parameters where only some are meant ("*/truncate-*~aio").
	Cases []string
	// FS are file systems with their variants, as in btrfs/nodatasum.
	FS []string
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
			for _, s := range specs {
				if u := (Unit{c, v, s}); u.picked(sel.Cases) {
					units = append(units, u)
				}
			}
		}
	}
	if len(units) == 0 {
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
	caseName, fs, ok := strings.Cut(name, "@")
	spec, err := fsys.Parse(fs)
	if !ok || err != nil {
		return Unit{}, fmt.Errorf("unit %q: want CASE@FS or CASE~PARAMETERS@FS", name)
	}
	for _, c := range catalogue {
		for _, v := range c.Variants {
			if u := (Unit{c, v, spec}); u.CaseName() == caseName {
				return u, nil
			}
		}
	}
	return Unit{}, fmt.Errorf("unit %q: there is no case %s; there are %s", name, caseName, strings.Join(names(catalogue), ", "))
}
