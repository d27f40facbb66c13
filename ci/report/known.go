package report

import (
	"cmp"
	"slices"
	"strings"

	"github.com/iomapcheck/iomapcheck/harness/judge"
	"github.com/iomapcheck/iomapcheck/harness/prog"
)

// Known is a divergence that the catalogue lists: a row of a case. The catalogue is the only list there is.
type Known struct {
	Case     string   `json:"case"`
	Variants []string `json:"variants,omitempty"`
	FS       []string `json:"fs"`
	Target   string   `json:"target,omitempty"`
	// Since and Before bound the kernels, "" is no bound; Backports are point releases that have it as well.
	Since     string   `json:"since,omitempty"`
	Before    string   `json:"before,omitempty"`
	Backports []string `json:"backports,omitempty"`
	// Shows is the verdict that it would have been.
	Shows  string `json:"shows"`
	Why    string `json:"why"`
	Kernel string `json:"kernel"`
	Commit string `json:"commit,omitempty"`
	// Seen are the cells that show it in the runs of a report, Gone those that no longer do: "gfs2 on 6.12.117+deb13-amd64".
	Seen []string `json:"seen,omitempty"`
	Gone []string `json:"gone,omitempty"`

	row prog.Row
}

// KnownDivergences lists the catalogue's, by case.
func KnownDivergences(catalogue []prog.Case) []Known {
	var out []Known
	for _, c := range catalogue {
		for _, r := range c.Rows {
			if r.Known {
				out = append(out, Known{Case: c.ID, Variants: r.Variants, FS: r.FS, Target: r.Target, Since: r.Since, Before: r.Before,
					Backports: r.Backports, Shows: cmp.Or(r.Shows, string(judge.Fail)), Why: r.Why, Kernel: r.Kernel, Commit: r.Commit, row: r})
			}
		}
	}
	slices.SortStableFunc(out, func(a, b Known) int { return cmp.Compare(a.Case, b.Case) })
	return out
}

// Known lists the catalogue's divergences with where they showed.
func (r *Report) Known() []Known {
	var catalogue []prog.Case
	for _, c := range r.Cases {
		catalogue = append(catalogue, c)
	}
	list := KnownDivergences(catalogue)
	for _, c := range r.Cells {
		v := c.Last()
		if v.Verdict.Verdict != judge.Known && v.Verdict.Verdict != judge.Drift {
			continue
		}
		for i := range list {
			// A verdict's row is the row's reason with its function. Rows for several file systems may give one reason.
			if k := &list[i]; k.Case == v.Case && k.Why != "" && strings.Contains(v.Row, k.Why) && v.IsOf(&k.row) {
				k.note(c)
				break
			}
		}
	}
	return list
}

func (k *Known) note(c *Cell) {
	v := c.Last()
	where := c.FS + " on " + v.Kernel
	if v.Target == "refengine" {
		where = c.FS + " on the engine as " + v.Kernel
	}
	if v.Verdict.Verdict == judge.Drift {
		k.Gone = append(k.Gone, where)
	} else if !slices.Contains(k.Seen, where) {
		k.Seen = append(k.Seen, where)
	}
}

// Kernels are the releases that the divergence is listed for, in words.
func (k Known) Kernels() string {
	since := k.Since
	if len(k.Backports) > 0 {
		since += " (and " + strings.Join(k.Backports, ", ") + ")"
	}
	switch {
	case k.Since == "" && k.Before == "":
		return "all"
	case k.Since == "":
		return "before " + k.Before
	case k.Before == "":
		return "since " + since
	}
	return since + " until before " + k.Before
}
