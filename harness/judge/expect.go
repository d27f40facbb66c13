package judge

import (
	"slices"
	"strings"

	"github.com/iomapcheck/iomapcheck/harness/prog"
)

// expectations is rule 4: what the program says about each operation, in the order in which they returned.
func (r *run) expectations() *Result {
	for _, c := range r.byReturn() {
		if c.errno != "" {
			continue
		}
		for _, rule := range []func(*call) *Result{r.count, r.content} {
			if res := rule(c); res != nil {
				return res
			}
		}
	}
	for _, c := range r.byReturn() {
		if res := r.order(c); res != nil {
			return res
		}
	}
	return r.progress()
}

// count: an operation returns its full length unless the program says otherwise, and never more than it was asked for. A size,
// and how much is resident or was reclaimed, is free unless the program states it.
func (r *run) count(c *call) *Result {
	v, want := c.step.Op.Verb, c.step.Op.Expect.Counts
	whole := r.source(c).Len
	switch {
	case v.States():
		if want == nil || slices.Contains(want, c.n) {
			return nil
		}
	case !counted(v):
		return nil
	case want == nil && c.n == whole:
		return nil
	case slices.Contains(want, c.n) && c.n <= whole:
		return nil
	}
	if want == nil {
		want = []int64{whole}
	}
	rule := RuleCount
	if shows := r.source(c); shows.Verb.Reads() || v == prog.VSize {
		rule = r.blame(interval{c.inv, c.ret}, shows.File, span{0, maxBytes}, RuleCount)
	}
	return c.on(Fail, rule, "returned %s, want %s", prog.FormatSize(c.n), alternatives(want))
}

// counted says whether success means a count. A load reports the length of its content.
func counted(v prog.Verb) bool {
	switch v {
	case prog.VWrite, prog.VRead, prog.VDirectWrite, prog.VDirectRead, prog.VReap, prog.VLoad, prog.VSpliceWrite, prog.VSpliceRead, prog.VCopyRange:
		return true
	}
	return false
}

func alternatives(list []int64) string {
	words := make([]string, len(list))
	for i, n := range list {
		words[i] = prog.FormatSize(n)
	}
	return strings.Join(words, " or ")
}

// content: a read returns what the program says it must. The rule is coherence: the program's author has worked out which
// writes it must see.
func (r *run) content(c *call) *Result {
	e, off := c.step.Op.Expect, r.source(c).Off
	rule := func(s span) Rule { return r.blame(interval{c.inv, c.ret}, r.source(c).File, s, RuleCoherence) }
	if e.Exact != nil {
		if d := differ(c.data, wanted(e, c.n), off); d != nil {
			return c.on(Fail, rule(d.span), "bytes %s are %s, want %s", d.span, describe(d.a), describe(d.b))
		}
	}
	if e.OneOf == "" {
		return nil
	}
	at := off
	for _, run := range c.data {
		if !strings.Contains(e.OneOf, run.Fill) && !untold(run) {
			s := span{at, at + run.Len}
			return c.on(Fail, rule(s), "bytes %s are %s, want %s", s, describe(run), fills(e.OneOf))
		}
		at += run.Len
	}
	return nil
}

// wanted is the expected content for a read of n bytes: a lone fill stands for all of it, and where a count may fall short so may the
// content.
func wanted(e prog.Expect, n int64) prog.Content {
	switch {
	case len(e.Exact) == 1 && e.Exact[0].Len == prog.WholeLen:
		return prog.Content{{Len: n, Fill: e.Exact[0].Fill}}
	case e.Counts != nil:
		return e.Exact.Slice(0, n)
	}
	return e.Exact
}
