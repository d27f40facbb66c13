package report

import (
	"cmp"
	"slices"
	"strings"

	"github.com/iomapcheck/iomapcheck/harness/campaign"
	"github.com/iomapcheck/iomapcheck/harness/judge"
	"github.com/iomapcheck/iomapcheck/vmimage/kernel"
)

// Key names what is compared between runs.
type Key struct {
	Target string
	// Line is a kernel over time: how it was asked for, as in debian:6.12, whose point release changes; for the engine the release that it
	// behaves like. Bugs that were switched on stand behind a plus.
	Line string
	FS   string
	// Case is the case with its parameters.
	Case string
}

func keyOf(v campaign.Verdict) Key {
	line := cmp.Or(v.KernelSpec, v.Kernel)
	return Key{Target: v.Target, Line: strings.Join(append([]string{line}, v.Mutants...), "+"), FS: v.FSName(), Case: v.Name()}
}

// Seen is a verdict in a run.
type Seen struct {
	// Run is the run's place in Report.Runs.
	Run int
	campaign.Verdict
}

// Cell is what is known of a Key.
type Cell struct {
	Key
	// Seen has a verdict for each run that tried it, oldest run first; at least one. Where a run has several, it is the worst.
	Seen []Seen
}

// Last is the newest verdict.
func (c *Cell) Last() Seen { return c.Seen[len(c.Seen)-1] }

// add takes a verdict of a run, which is the newest so far.
func (c *Cell) add(run int, v campaign.Verdict) {
	if n := len(c.Seen); n > 0 && c.Seen[n-1].Run == run {
		if worse(v.Verdict, c.Seen[n-1].Verdict.Verdict) {
			c.Seen[n-1].Verdict = v
		}
		return
	}
	c.Seen = append(c.Seen, Seen{run, v})
}

// Since is the verdict with which the present streak of good or of bad ones began, and the last one of the other sort before it, nil where
// there is none. What showed nothing neither begins nor ends a streak. A cell whose newest verdict shows nothing has none: false.
func (c *Cell) Since() (first Seen, before *Seen, ok bool) {
	now := classOf(c.Last().Verdict.Verdict)
	if now == blind {
		return first, nil, false
	}
	for i := len(c.Seen) - 1; i >= 0; i-- {
		switch classOf(c.Seen[i].Verdict.Verdict) {
		case now:
			first = c.Seen[i]
		case blind:
		default:
			return first, &c.Seen[i], true
		}
	}
	return first, nil, true
}

// class is what a verdict says of the kernel.
type class int

const (
	// blind: nothing was shown.
	blind class = iota
	good
	bad
)

func classOf(v judge.Verdict) class {
	switch {
	case v.Bad():
		return bad
	case v == judge.OK || v == judge.Known:
		return good
	}
	return blind
}

// Rank orders verdicts by how much they need a look.
func Rank(v judge.Verdict) int { return slices.Index(judge.Verdicts(), v) }

func worse(a, b judge.Verdict) bool { return Rank(a) > Rank(b) }

// byKernel orders cells by kernel, oldest first; what is no version comes last.
func byKernel(a, b *Cell) int {
	va, errA := kernel.ParseVersion(a.Last().Kernel)
	vb, errB := kernel.ParseVersion(b.Last().Kernel)
	if (errA == nil) != (errB == nil) {
		if errA == nil {
			return -1
		}
		return 1
	}
	return cmp.Or(cmp.Compare(a.Target, b.Target), va.Compare(vb), cmp.Compare(a.Line, b.Line))
}
