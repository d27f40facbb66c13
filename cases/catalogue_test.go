package cases

import (
	"regexp"
	"slices"
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
			if slices.ContainsFunc(v.Program.Witnesses, anywhere) {
				t.Errorf("%s~%s: a witness asleep just anywhere in a kernel", c.ID, v.Name)
			}
			for _, r := range c.Rows {
				if len(r.Variants) > 0 && !slices.Contains(r.Variants, v.Name) {
					continue
				}
				p, err := r.Apply(v.Program)
				if err != nil {
					t.Errorf("%s~%s: %v", c.ID, v.Name, err)
					continue
				}
				checkProgram(t, c.ID+"~"+v.Name+" as "+r.Why, p)
			}
		}
		for _, r := range c.Rows {
			if f := rowFlaw(r); f != "" {
				t.Errorf("%s: row %q: %s", c.ID, r.Why, f)
			}
		}
	}
}

// rowFlaw says what is wrong with a row by itself; "" if nothing is.
func rowFlaw(r prog.Row) string {
	switch point := regexp.MustCompile(`^\d+\.\d+\.\d+$`); {
	case r.Why == "" || r.Kernel == "":
		return "no reason or kernel function"
	case r.Shows != "" && !r.Known || !slices.Contains([]string{"", "hang", "crash"}, r.Shows):
		return "shows " + r.Shows + ", which is no way for a known divergence to show"
	case r.Unsupported != "" && (r.Expect != nil || r.Witnesses != nil):
		return "what is not tried can neither be expected nor witnessed"
	case len(r.Backports) > 0 && r.Since == "":
		return "a backport of what was always there"
	case slices.ContainsFunc(r.Backports, func(b string) bool { return !point.MatchString(b) }):
		return "a backport is a point release, as 6.12.117"
	case r.Target != "refengine" && slices.ContainsFunc(r.Witnesses, anywhere):
		return "a witness asleep just anywhere in a kernel"
	}
	return ""
}

// anywhere says whether the witness is content with any kernel function.
func anywhere(w prog.Witness) bool { return w.Kind == prog.Blocked && len(w.In) == 0 }

func TestAFlawedRowIsFound(t *testing.T) {
	row := func(change func(*prog.Row)) prog.Row {
		r := prog.Row{
			Since: "6.15", Backports: []string{"6.12.77"}, Why: "why", Kernel: "fn",
			Witnesses: []prog.Witness{prog.SeenBlocked("x", "fn")},
		}
		change(&r)
		return r
	}
	if f := rowFlaw(row(func(*prog.Row) {})); f != "" {
		t.Errorf("a good row: %s", f)
	}
	for want, change := range map[string]func(*prog.Row){
		"reason":        func(r *prog.Row) { r.Kernel = "" },
		"not tried":     func(r *prog.Row) { r.Unsupported = "cannot be" },
		"always there":  func(r *prog.Row) { r.Since = "" },
		"point release": func(r *prog.Row) { r.Backports = []string{"6.12.77", "6.6"} },
		"anywhere":      func(r *prog.Row) { r.Witnesses = []prog.Witness{prog.WhileHeld("x"), prog.SeenBlocked("x")} },
	} {
		if f := rowFlaw(row(change)); !strings.Contains(f, want) {
			t.Errorf("flaw %q, want …%s…", f, want)
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
