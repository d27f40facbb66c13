package apt

import (
	"context"
	"fmt"
	"strings"
)

// Dependency is a package that another one needs.
type Dependency struct {
	Name    string
	Offered bool // whether any suite has it, in whichever version
}

// Depends returns, for each of packages, what its newest version depends on: names of real packages, and those that no suite has;
// of alternatives all.
func (a *Archive) Depends(ctx context.Context, packages []string) (map[string][]Dependency, error) {
	unlock, err := a.begin(ctx)
	if err != nil {
		return nil, err
	}
	defer unlock()
	if err := a.update(ctx); err != nil {
		return nil, err
	}
	args := append([]string{"depends", "--no-recommends", "--no-suggests", "--no-conflicts", "--no-breaks", "--no-replaces", "--no-enhances"}, packages...)
	out, err := a.run(ctx, a.path(), "apt-cache", args...)
	if err != nil {
		return nil, fmt.Errorf("find dependencies of %s: %w", strings.Join(packages, " "), err)
	}
	return parseDepends(string(out)), nil
}

// parseDepends reads what apt-cache depends prints: a package, and below it, indented, "Depends: NAME", with a bar before alternatives and
// NAME in angle brackets if there is no such package.
func parseDepends(text string) map[string][]Dependency {
	found := map[string][]Dependency{}
	of := ""
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\n")
		if line == strings.TrimLeft(line, " |") {
			of = line
			found[of] = nil
			continue
		}
		kind, name, _ := strings.Cut(strings.TrimLeft(line, " |"), ": ")
		if kind != "Depends" && kind != "PreDepends" {
			continue
		}
		real := strings.Trim(name, "<>")
		found[of] = append(found[of], Dependency{Name: real, Offered: real == name})
	}
	return found
}
