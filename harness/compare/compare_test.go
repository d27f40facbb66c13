package compare

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/iomapcheck/iomapcheck/harness/history"
	"github.com/iomapcheck/iomapcheck/harness/judge"
	"github.com/iomapcheck/iomapcheck/harness/prog"
)

func TestChanceIsTheShareOfAllWaysToDealTheValues(t *testing.T) {
	for _, tt := range []struct {
		base, patched string
		want          float64
	}{
		{"ok ok ok ok ok", "fail fail fail fail fail", 2.0 / 252},
		{"ok ok", "fail fail", 2.0 / 6},
		{"ok ok ok", "ok ok ok", 1},
		{"ok fail", "fail ok", 1},
		{"1 1 1 1 1", "9 9 9 9 9", 2.0 / 252},
		{"1 2", "3 4", 2.0 / 6},
		{"1 2 3", "2 3 4", 10.0 / 20}, // the base's sum is 5 or 10 in one way each, 6 or 9 in four, 7 or 8 in five
		{"-4096 0", "4096 8192", 2.0 / 6},
		{"1 x", "2 y", 1}, // not all are numbers: no two are alike
		{"", "ok", 1},
		{"a a a a", "a a a b", 1}, // whoever gets the b, it looks the same
	} {
		if got := Chance(strings.Fields(tt.base), strings.Fields(tt.patched)); math.Abs(got-tt.want) > 1e-12 {
			t.Errorf("%q against %q: %v, want %v", tt.base, tt.patched, got, tt.want)
		}
	}
}

// Of twenty studies of a kernel against itself one may find a change, however many units show now this and now that. And what has really changed
// is found among them.
func TestAKernelAgainstItselfIsAlikeInNineteenOfTwentyStudies(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	const studies = 200
	for _, noisy := range []int{1, 10, 40} {
		deceived, differed, missed := 0, 0, 0
		for range studies {
			changes, chance := studied(r, noisy).Differences()
			names := map[string]bool{}
			for _, d := range changes {
				names[d.Unit] = true
			}
			if !names["changed"] {
				missed++
			}
			if len(names) > 1 {
				deceived++
			}
			if len(chance) > 0 {
				differed++
			}
		}
		if most := int(studies * Improbable); deceived > most {
			t.Errorf("%d noisy units: %d of %d studies saw a change that is none, at most %d may", noisy, deceived, studies, most)
		}
		if missed > 0 {
			t.Errorf("%d noisy units: %d of %d studies missed a change", noisy, missed, studies)
		}
		if differed < studies/2 {
			t.Errorf("%d noisy units: only %d of %d studies had differences to be deceived by", noisy, differed, studies)
		}
	}
}

// studied is a study of units of which each shows chance alone in three ways, and of one that has changed.
func studied(r *rand.Rand, noisy int) *Study {
	s := NewStudy()
	chance := func() Observation {
		return Observation{Facets: map[string]string{
			FacetVerdict: []string{"ok", "unexercised"}[r.IntN(2)], FacetInvalidation: fmt.Sprint(r.IntN(6)), FacetFallback: fmt.Sprint(r.IntN(8) / 7),
		}}
	}
	for open := true; open; {
		open = false
		for i := range noisy {
			if name := fmt.Sprint("noisy-", i); s.Undecided(name) {
				s.Add(name, chance(), chance())
				open = true
			}
		}
		if s.Undecided("changed") {
			s.Add("changed", observation("ok"), observation("fail"))
			open = true
		}
	}
	return s
}

func observation(verdict string) Observation {
	return Observation{Facets: map[string]string{FacetVerdict: verdict}}
}

func TestARealChangeIsSeenAndTakesNoMoreRoundsThanItNeeds(t *testing.T) {
	s := NewStudy()
	for s.Undecided("changed") {
		s.Add("changed", observation("known"), observation("ok"))
	}
	for s.Undecided("alike") {
		s.Add("alike", observation("ok"), observation("ok"))
	}
	if a, b := s.Rounds("changed"), s.Rounds("alike"); a != LeastRounds || b != FirstRounds {
		t.Errorf("%d rounds of what changed, %d of what did not; want %d and %d", a, b, LeastRounds, FirstRounds)
	}
	if d, chance := s.Differences(); len(d) != 1 || len(chance) > 0 || d[0].Unit != "changed" || d[0].Base["known"] != LeastRounds {
		t.Errorf("got %+v, and %+v that may be chance", d, chance)
	}
}

func TestAFacetThatOneKernelDoesNotHaveIsNotCompared(t *testing.T) {
	s := NewStudy()
	with := observation("ok")
	with.Facets[FacetFallback] = "4096"
	for range LeastRounds {
		s.Add("u", with, observation("ok"))
	}
	if changes, chance := s.Differences(); len(changes)+len(chance) > 0 {
		t.Errorf("got %+v and %+v", changes, chance)
	}
}

func TestLatenciesChangeOnlyTogether(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	study := func(factor float64) Pace {
		s := NewStudy()
		for i := range 100 {
			took := func(f float64) Observation {
				return Observation{Latencies: []Latency{{Op: 1, Verb: prog.VFsync, Nanoseconds: int64(f * 1e6 * math.Exp(r.NormFloat64()))}}}
			}
			s.Add(fmt.Sprintf("u%d@xfs", i), took(1), took(factor))
		}
		return s.Paces(func(string) string { return "xfs" })[0]
	}
	for range 20 {
		if p := study(1); p.Changed() {
			t.Errorf("chance alone: %+v", p)
		}
	}
	if p := study(4); !p.Changed() || p.Ratio < 2 || p.Pairs != 100 {
		t.Errorf("four times slower: %+v", p)
	}
	if p := study(1); p.Chance < 1e-4 {
		t.Errorf("a chance of %v under chance alone", p.Chance)
	}
}

func TestWhatIsObserved(t *testing.T) {
	p, err := prog.Parse("write f 0 8k o\ndirect-write f 0 8k n\nhold writes f 0 8k\nfsync f before 9 later w\ngo w {\n  direct-write f 0 4k a\n}\n")
	if err != nil {
		t.Fatal(err)
	}
	h := &history.History{}
	add := func(e history.Event) { h.Events = append(h.Events, e) }
	op := func(task string, n int, begin, end, bytes int64) {
		add(history.Event{Kind: history.Invoke, Task: task, Op: n, Time: begin})
		add(history.Event{Kind: history.Return, Task: task, Op: n, Time: end, N: bytes})
	}
	op("main", 0, 0, 10, 8192)
	op("main", 1, 20, 50, 8192)
	add(history.Event{Kind: history.Trace, Task: "main", Op: -1, Time: 30, Name: dioComplete, Text: "dev 254:0 ino 0x83 size 0x2000 offset 0x1000 flags DIRECT aio 0 error 0 ret 4096"})
	add(history.Event{Kind: history.Trace, Task: "main", Op: -1, Time: 40, Name: invalidateFail, Text: "dev 254:0"})
	add(history.Event{Kind: history.Disk, Op: -1, Time: 60, What: history.Held, Request: 7})
	add(history.Event{Kind: history.Invoke, Task: "main", Op: 3, Time: 70})
	op("w", 5, 72, 74, 4096)
	op("w", 5, 75, 77, 4096)
	add(history.Event{Kind: history.Return, Task: "main", Op: 3, Time: 80})
	o := Observe(p, h, judge.OK)
	for facet, want := range map[string]string{FacetVerdict: "ok", FacetInvalidation: "1", FacetFallback: "12288"} { // half of main's write, and w's two, of which nothing was completed directly
		if o.Facets[facet] != want {
			t.Errorf("%s: %q, want %q", facet, o.Facets[facet], want)
		}
	}
	bypassed := ""
	for name, v := range o.Facets {
		if strings.HasPrefix(name, "operations that bypassed op 3") {
			bypassed = v
		}
	}
	if bypassed != "2" {
		t.Errorf("bypassed: %q, want 2; %v", bypassed, o.Facets)
	}
	// What ran while a request was held is not compared.
	if len(o.Latencies) != 2 || o.Latencies[1].Nanoseconds != 30 {
		t.Errorf("latencies %v", o.Latencies)
	}
	add(history.Event{Kind: history.Note, Op: -1, Name: "missing-event", Text: dioComplete + ": no such tracepoint"})
	if _, has := Observe(p, h, judge.OK).Facets[FacetFallback]; has {
		t.Error("a kernel without the tracepoint is said to tell of fallbacks")
	}
}
