package compare

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/iomapcheck/iomapcheck/harness/campaign"
	"github.com/iomapcheck/iomapcheck/harness/judge"
)

// tally is what the runs of a rule show on a file system.
type tally struct {
	fs string
	// runs are those that could be, seen those of them with every witness.
	runs, seen int
	seconds    []float64
	// otherwise are the runs whose verdict is neither ok nor known; those that are not supported are no runs.
	otherwise map[judge.Verdict]int
	// row says that the file system takes another way by design, and its witness is of that.
	row bool
}

// tallies are a rule's, a file system each.
func (k Kernel) tallies(rule string) []tally {
	var out []tally
	for _, v := range k.Ours {
		if !means(rule, v.Name()) {
			continue
		}
		i := slices.IndexFunc(out, func(t tally) bool { return t.fs == v.FSName() })
		if i < 0 {
			i = len(out)
			out = append(out, tally{fs: v.FSName(), otherwise: map[judge.Verdict]int{}})
		}
		out[i].add(v)
	}
	slices.SortFunc(out, func(a, b tally) int { return byFS(a.fs, b.fs) })
	return out
}

func (t *tally) add(v campaign.Verdict) {
	if v.Verdict != judge.OK && v.Verdict != judge.Known {
		t.otherwise[v.Verdict]++
	}
	if v.Verdict == judge.Unsupported {
		return
	}
	t.runs++
	t.seconds = append(t.seconds, v.Seconds)
	t.row = t.row || v.Row != ""
	if witnessed(v) {
		t.seen++
	}
}

// witnessed says whether all witnesses of a verdict were seen.
func witnessed(v campaign.Verdict) bool {
	return len(v.Witness) > 0 && !slices.ContainsFunc(v.Witness, func(line string) bool { return !strings.HasPrefix(line, "seen: ") })
}

// String is "9 of 10 runs on xfs (1 hang)"; a star marks another way by design.
func (t tally) String() string {
	if t.runs == 0 {
		return "unsupported on " + t.fs
	}
	text := fmt.Sprintf("%d of %s on %s", t.seen, counted(t.runs, "run"), t.fs)
	if t.row {
		text += "*"
	}
	var parts []string
	for _, v := range judge.Verdicts() {
		if n := t.otherwise[v]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, v))
		}
	}
	if len(parts) > 0 {
		text += " (" + strings.Join(parts, ", ") + ")"
	}
	return text
}

// took is the median of the seconds of runs, as in "0.9 s on ext4"; "" where there are none.
func (t tally) took() string {
	n := len(t.seconds)
	if n == 0 {
		return ""
	}
	s := slices.Sorted(slices.Values(t.seconds))
	return fmt.Sprintf("%.1f s on %s", (s[(n-1)/2]+s[n/2])/2, t.fs)
}

// own is what a rule's runs show, and how long they took, by file system; a dot where there are none.
func (k Kernel) own(rule string) (seen, took string) {
	var shown, times []string
	for _, t := range k.tallies(rule) {
		shown = append(shown, t.String())
		if s := t.took(); s != "" {
			times = append(times, s)
		}
	}
	return cmp.Or(strings.Join(shown, ", "), none), cmp.Or(strings.Join(times, ", "), none)
}

// starred says whether some file system takes another way by design.
func (k Kernel) starred() bool {
	return slices.ContainsFunc(k.Ours, func(v campaign.Verdict) bool { return v.Row != "" && v.Verdict != judge.Unsupported })
}

// star explains the mark.
const star = "* takes another way by design, and the witness is of that"
