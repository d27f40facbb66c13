package judge

import (
	"fmt"
	"strings"

	"github.com/iomapcheck/iomapcheck/harness/prog"
)

// span is a half-open range of file positions, in bytes.
type span struct{ lo, end int64 }

func (s span) String() string { return fmt.Sprintf("[%#x, %#x)", s.lo, s.end) }

func (s span) meets(o span) bool { return s.lo < o.end && o.lo < s.end }

// untold says whether a run stands for content that the target did not tell in full, since it had too many runs. Bytes of
// no fill always come with their raw form.
func untold(run prog.Run) bool { return run.Fill == prog.Garbage && run.Raw == "" }

// describe is a run's bytes in words.
func describe(run prog.Run) string {
	switch {
	case run.Fill == "":
		return "missing"
	case untold(run):
		return "not told"
	case run.Fill == prog.Garbage:
		return "of no fill (" + run.Raw + "…)"
	}
	return fillName(run.Fill)
}

func fillName(fill string) string {
	if fill == prog.Zero.String() {
		return "zeros"
	}
	return fill
}

// fills lists a set of fills as "n or o".
func fills(set string) string {
	var names []string
	for _, f := range set {
		names = append(names, fillName(string(f)))
	}
	return strings.Join(names, " or ")
}

// difference is where two contents differ: each is one run there, without a fill where the content has ended.
type difference struct {
	span
	a, b prog.Run
}

// differ finds the first range in which two contents that begin at file position off differ, nil where they are equal.
func differ(a, b prog.Content, off int64) *difference {
	for d := range differences(a, b, off) {
		return &d
	}
	return nil
}

// differences yields the ranges in which two contents that begin at file position off differ, in order, each as long as
// both sides stay one run.
//
//	a   nnnnnnnnnnnnoooo
//	b   nnnnooooooooo
//	        └──────┘└┤└┤   n/o, then o/o is equal, then o/missing
func differences(a, b prog.Content, off int64) func(yield func(difference) bool) {
	return func(yield func(difference) bool) {
		ca, cb := cursor{runs: a}, cursor{runs: b}
		for at := off; !ca.done() || !cb.done(); {
			n := min(ca.left(), cb.left())
			ra, rb := ca.take(n), cb.take(n)
			if !same(ra, rb) && !yield(difference{span{at, at + n}, ra, rb}) {
				return
			}
			at += n
		}
	}
}

// same compares two runs of one range. Of garbage the first bytes tell, as far as both sides have them.
func same(a, b prog.Run) bool {
	if untold(a) || untold(b) {
		return true
	}
	return a.Fill == b.Fill && a.Raw == b.Raw
}

// cursor goes through a content.
type cursor struct {
	runs prog.Content
	used int64 // bytes taken of the first run
}

// skip drops what is used up, and runs without a length, which a program made by hand may hold.
func (c *cursor) skip() {
	for len(c.runs) > 0 && c.runs[0].Len <= c.used {
		c.runs, c.used = c.runs[1:], 0
	}
}

func (c *cursor) done() bool { c.skip(); return len(c.runs) == 0 }

// left is how far the run goes at which the cursor stands; past the end for ever.
func (c *cursor) left() int64 {
	if c.done() {
		return maxBytes
	}
	return c.runs[0].Len - c.used
}

// take goes n bytes on and returns these, all of one run. The raw bytes of garbage are those of the run's beginning, so they
// come with the beginning only.
func (c *cursor) take(n int64) prog.Run {
	if c.done() {
		return prog.Run{Len: n}
	}
	run := prog.Run{Len: n, Fill: c.runs[0].Fill, Raw: c.runs[0].Raw}
	c.used += n
	return run
}
