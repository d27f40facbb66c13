package judge

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/iomapcheck/iomapcheck/harness/history"
	"github.com/iomapcheck/iomapcheck/harness/prog"
)

// naive is the register rule as the package comment words it, byte by byte and write by write, for histories in which every
// operation succeeded and none is a store.
type naive struct {
	p      prog.Program
	events []history.Event
}

type naiveWrite struct {
	inv, ret int64
	fill     prog.Fill
}

// times is when an operation began and ended.
func (o naive) times(op int) (inv, ret int64) {
	for _, e := range o.events {
		if e.Op == op && e.Kind == history.Invoke {
			inv = e.Time
		}
		if e.Op == op && e.Kind == history.Return {
			ret = e.Time
		}
	}
	return inv, ret
}

// writes are those of the byte at pos.
func (o naive) writes(pos int64) []naiveWrite {
	out := []naiveWrite{{-2, -1, prog.Zero}}
	for _, s := range o.p.Steps() {
		inv, ret := o.times(s.N)
		end, fill := s.Op.Off+s.Op.Len, s.Op.Fill
		switch {
		case s.Op.Verb == prog.VTruncate && pos >= s.Op.Len:
			out = append(out, naiveWrite{inv, ret, prog.Zero})
		case s.Op.Mode == prog.FallocPunch && s.Op.Off <= pos && pos < end:
			out = append(out, naiveWrite{inv, ret, prog.Zero})
		case s.Op.Verb.Writes() && s.Op.Off <= pos && pos < end:
			out = append(out, naiveWrite{inv, ret, fill})
		}
	}
	return out
}

func (o naive) legal(f string, pos, inv, ret int64) bool {
	writes := o.writes(pos)
	for _, w := range writes {
		overwritten := false
		for _, w2 := range writes {
			overwritten = overwritten || w2.inv > w.ret && w2.ret < inv
		}
		if w.fill.String() == f && w.inv < ret && !overwritten {
			return true
		}
	}
	return false
}

// allLegal applies the rule to every byte that an operation read.
func (o naive) allLegal() bool {
	steps := o.p.Steps()
	for _, e := range o.events {
		if e.Kind != history.Return || e.Data == nil {
			continue
		}
		inv, ret := o.times(e.Op)
		pos := steps[e.Op].Op.Off
		for _, run := range e.Data {
			for range run.Len {
				if !o.legal(run.Fill, pos, inv, ret) {
					return false
				}
				pos++
			}
		}
	}
	return true
}

func TestIndexedRegisterRuleEqualsItsDefinition(t *testing.T) {
	seen := map[bool]int{}
	equal := func(t *rapid.T) {
		p := randomProgram(t)
		for _, s := range p.Steps() {
			if s.Op.Verb == prog.VStore {
				return
			}
		}
		w := perform(t, p)
		corruptRead(t, w)
		want := naive{p, w.h.Events}.allLegal()
		seen[want]++
		if res := judgeWorld(p, w); (res.Verdict == OK) != want {
			t.Fatalf("%s, but the definition says legal: %v\n%s\n%s", res.Summary(), want, p, w.h.Text(p))
		}
	}
	const least = 5 // a short run's twenty programs may all be of one kind
	for range least {
		rapid.Check(t, equal)
	}
	if seen[true] == 0 || seen[false] == 0 {
		t.Errorf("legal and illegal histories tried: %v, want some of both", seen)
	}
}

// corruptRead gives a byte that an operation read another fill of the program; what the paths read in the end stays.
func corruptRead(t *rapid.T, w *world) {
	all := w.h.Events
	for i, e := range all {
		if e.Kind == history.Final {
			w.h.Events = all[:i]
			break
		}
	}
	corrupt(t, w, func(string) string {
		return rapid.SampledFrom([]string{"a", "b", "c", "i", "j", "k", "q", "r", "s", "."}).Draw(t, "fill")
	})
	w.h.Events = all
}
