package report

import (
	"cmp"
	"slices"
	"strings"

	"github.com/iomapcheck/iomapcheck/harness/prog"
	"github.com/iomapcheck/iomapcheck/vmimage/kernel"
)

// Finding is a case that is bad on a file system, with what every kernel says to it.
type Finding struct {
	Target, Case, FS string
	// Cells are this case's on this file system, oldest kernel first, good ones too.
	Cells []*Cell
	// Shown is the bad cell of the newest kernel: its evidence speaks for all.
	Shown *Cell
}

// ID names the finding in links and file names; it is unique in a report.
func (f *Finding) ID() string {
	return strings.ReplaceAll(f.Case+"@"+f.FS+"@"+f.Target, "/", ".")
}

// Bad are the cells that are bad.
func (f *Finding) Bad() []*Cell {
	return slices.DeleteFunc(slices.Clone(f.Cells), func(c *Cell) bool { return classOf(c.Last().Verdict.Verdict) != bad })
}

// Lines are the kernels on which it is bad.
func (f *Finding) Lines() []string {
	var out []string
	for _, c := range f.Bad() {
		out = append(out, c.Line)
	}
	return out
}

func findings(cells []*Cell) []*Finding {
	type place struct{ target, name, fs string }
	all := map[place]*Finding{}
	var out []*Finding
	for _, c := range cells {
		at := place{c.Target, c.Case, c.FS}
		if all[at] == nil {
			all[at] = &Finding{Target: c.Target, Case: c.Case, FS: c.FS}
			out = append(out, all[at])
		}
		all[at].Cells = append(all[at].Cells, c)
	}
	for _, f := range out {
		slices.SortStableFunc(f.Cells, byKernel)
		if bad := f.Bad(); len(bad) > 0 {
			f.Shown = bad[len(bad)-1]
		}
	}
	out = slices.DeleteFunc(out, func(f *Finding) bool { return f.Shown == nil })
	slices.SortStableFunc(out, func(a, b *Finding) int {
		return cmp.Or(-cmp.Compare(Rank(a.Shown.Last().Verdict.Verdict), Rank(b.Shown.Last().Verdict.Verdict)),
			-cmp.Compare(a.Target, b.Target), cmp.Compare(a.Case, b.Case), cmp.Compare(a.FS, b.FS))
	})
	return out
}

// Edge is where neighbouring kernels of one run of verdicts differ: one is good and the next newer one bad, or the other way about.
type Edge struct {
	Older, Newer *Cell
	// Worse says that the newer one is the bad one.
	Worse bool
}

// Edges are the finding's, oldest first. Kernels that show nothing stand between.
func (f *Finding) Edges() []Edge {
	var out []Edge
	var older *Cell
	for _, c := range f.Cells {
		now := classOf(c.Last().Verdict.Verdict)
		if now == blind || strings.Contains(c.Line, "+") && f.Target == "refengine" {
			continue // nothing shown, or a bug that was switched on
		}
		if older != nil && classOf(older.Last().Verdict.Verdict) != now {
			out = append(out, Edge{Older: older, Newer: c, Worse: now == bad})
		}
		older = c
	}
	return out
}

// Rule is what must hold: the catalogue's sentence, "" for a case that is not in it.
func (r *Report) Rule(name string) string { return r.Case(name).Rule }

// Case is the catalogue's case of a name with parameters, the zero Case where there is none.
func (r *Report) Case(name string) prog.Case {
	id, _, _ := strings.Cut(name, "~")
	id, _, _ = strings.Cut(id, "+")
	return r.Cases[id]
}

// tags are the tags of Linus' and the stable trees that two releases stand for, and whether both can be told: a distribution that hides the
// point release in uname -r (6.1.0-56-amd64) hides the tag too.
func tags(older, newer string) (from, to string, ok bool) {
	from, okFrom := tag(older)
	to, okTo := tag(newer)
	return from, to, okFrom && okTo && from != to
}

func tag(release string) (string, bool) {
	v, err := kernel.ParseVersion(release)
	if err != nil || v.Patch == 0 && strings.HasPrefix(v.Extra, "-") {
		return "", false
	}
	v.Extra = ""
	return "v" + strings.TrimSuffix(v.String(), ".0"), true
}
