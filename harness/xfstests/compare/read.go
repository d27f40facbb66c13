package compare

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/iomapcheck/iomapcheck/harness/campaign"
	"github.com/iomapcheck/iomapcheck/harness/runs"
	"github.com/iomapcheck/iomapcheck/vmimage/kernel"
)

// Kernel is what is known of a kernel.
type Kernel struct {
	Release string
	// Columns are the file systems that stock tests were run on, and Tests those tests, by name.
	Columns []string
	Tests   []Test
	// Ours are the verdicts on rules of the comparison, in the order in which they came.
	Ours []campaign.Verdict
}

// Test is a stock test with its newest verdict in each column that has one.
type Test struct {
	Name  string
	Cells map[string]Stock
}

// Stock is a verdict on a stock test, as package around writes it: for what the fields mean, see there.
type Stock struct {
	campaign.Verdict
	counts
}

// counts are the fields that verdicts on stock tests have beside. Seconds of older runs have a fraction.
type counts struct {
	Column      string           `json:"column"`
	Branches    map[string]int64 `json:"branches"`
	AtLeast     bool             `json:"at_least"`
	TestSeconds float64          `json:"test_seconds"`
}

// NothingError says that runs have neither verdicts on stock tests nor on our rules beside them.
type NothingError struct{ Runs int }

func (e *NothingError) Error() string {
	return fmt.Sprintf("compare with xfstests: no verdict on a stock test (xfstests run), nor on a rule beside them (run --target vm --case %s), in %s",
		strings.Join(Rules(), ","), counted(e.Runs, "run"))
}

// Of sorts the verdicts of runs, which come oldest first, by kernel, oldest kernel first. Where there is nothing to compare, it is a *NothingError.
func Of(all []runs.Run) ([]Kernel, error) {
	found := map[string]*Kernel{}
	of := func(v campaign.Verdict) *Kernel {
		if found[v.Kernel] == nil {
			found[v.Kernel] = &Kernel{Release: v.Kernel}
		}
		return found[v.Kernel]
	}
	for _, run := range all {
		for i, v := range run.Verdicts {
			switch {
			case v.Target == "xfstests":
				s := Stock{Verdict: v}
				if err := json.Unmarshal(run.Lines[i], &s.counts); err != nil {
					return nil, fmt.Errorf("compare with xfstests: run %s: verdict on %s: %w", run.Title, v.Case, err)
				}
				of(v).add(s)
			case ours(v):
				k := of(v)
				k.Ours = append(k.Ours, v)
			}
		}
	}
	if len(found) == 0 {
		return nil, &NothingError{len(all)}
	}
	var out []Kernel
	for _, k := range found {
		k.sort()
		out = append(out, *k)
	}
	slices.SortFunc(out, byAge)
	return out, nil
}

// ours says whether a verdict is on a rule of the comparison: on a kernel in a machine, as stock tests are, and with memory that is not short.
func ours(v campaign.Verdict) bool {
	return v.Target == "vm" && v.Parameters["pressure"] == "" && slices.ContainsFunc(Rules(), func(rule string) bool { return means(rule, v.Name()) })
}

// add takes a verdict that is newer than those before.
func (k *Kernel) add(s Stock) {
	if s.Column == "" {
		s.Column = s.FSName()
	}
	if !slices.Contains(k.Columns, s.Column) {
		k.Columns = append(k.Columns, s.Column)
	}
	i := slices.IndexFunc(k.Tests, func(t Test) bool { return t.Name == s.Case })
	if i < 0 {
		i = len(k.Tests)
		k.Tests = append(k.Tests, Test{Name: s.Case, Cells: map[string]Stock{}})
	}
	k.Tests[i].Cells[s.Column] = s
}

func (k *Kernel) sort() {
	slices.SortFunc(k.Columns, byFS)
	slices.SortFunc(k.Tests, func(a, b Test) int { return cmp.Compare(a.Name, b.Name) })
}

// byFS orders file systems: those that most tests are run on first.
func byFS(a, b string) int {
	first := []string{"btrfs", "ext4", "xfs"}
	return cmp.Or(cmp.Compare(slices.Index(first, b), slices.Index(first, a)), cmp.Compare(a, b))
}

// byAge orders kernels by their version; what is no version comes last.
func byAge(a, b Kernel) int {
	va, errA := kernel.ParseVersion(a.Release)
	vb, errB := kernel.ParseVersion(b.Release)
	switch {
	case errA == nil && errB == nil:
		return cmp.Or(va.Compare(vb), cmp.Compare(a.Release, b.Release))
	case errA == nil:
		return -1
	case errB == nil:
		return 1
	}
	return cmp.Compare(a.Release, b.Release)
}
