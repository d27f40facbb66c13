package cases

import (
	"strings"
	"testing"

	"github.com/iomapcheck/iomapcheck/harness/prog"
)

func TestEveryCaseIsCompleteAndItsProgramsMeanSomething(t *testing.T) {
	seen := map[string]bool{}
	for _, c := range Catalogue() {
		if seen[c.ID] || strings.Count(c.ID, "/") != 1 {
			t.Errorf("%s: the ID is taken, or is not theme/name", c.ID)
		}
		seen[c.ID] = true
		if c.Rule == "" || c.Kernel == "" || c.Source == "" || len(c.Variants) == 0 {
			t.Errorf("%s: rule, kernel, source or variants are missing", c.ID)
		}
		for _, v := range c.Variants {
			checkProgram(t, c.ID+"~"+v.Name, v.Program)
			for _, r := range c.Rows {
				p, err := r.Apply(v.Program)
				if err != nil {
					t.Errorf("%s~%s: %v", c.ID, v.Name, err)
					continue
				}
				checkProgram(t, c.ID+"~"+v.Name+" as "+r.Why, p)
			}
		}
		for _, r := range c.Rows {
			if r.Why == "" || r.Kernel == "" {
				t.Errorf("%s: a row without its reason or kernel function", c.ID)
			}
		}
	}
}

// checkProgram checks a program and that its text form is the same program.
func checkProgram(t *testing.T, name string, p prog.Program) {
	t.Helper()
	if err := p.Check(); err != nil {
		t.Errorf("%s: %v", name, err)
	}
	if len(p.Witnesses) == 0 {
		t.Errorf("%s: no witness: passing would prove nothing", name)
	}
	again, err := prog.Parse(p.String())
	if err != nil || again.String() != p.String() {
		t.Errorf("%s: does not survive its text form: %v", name, err)
	}
}
