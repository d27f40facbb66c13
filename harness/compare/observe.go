package compare

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/iomapcheck/iomapcheck/harness/history"
	"github.com/iomapcheck/iomapcheck/harness/judge"
	"github.com/iomapcheck/iomapcheck/harness/prog"
)

// Observation is what one execution shows.
type Observation struct {
	// Facets are values by name; a name that one kernel has and the other has not is not compared.
	Facets map[string]string
	// Latencies are those of the operations that nothing held up.
	Latencies []Latency
}

// Latency is how long an operation took.
type Latency struct {
	Op          int       // its number in the program
	Verb        prog.Verb // what it is
	Nanoseconds int64
}

// The facets that every unit has.
const (
	FacetVerdict      = "verdict"
	FacetInvalidation = "invalidation failures"
	FacetFallback     = "bytes of direct writes that went through the page cache"
)

// Tracepoints by which a kernel tells its ways: iomap_dio_complete is there since 6.6.
const (
	invalidateFail = "iomap:iomap_dio_invalidate_fail"
	dioComplete    = "iomap:iomap_dio_complete"
)

// Observe takes from a history of p what is worth comparing. verdict is what the campaign makes of it: known divergences are its affair.
func Observe(p prog.Program, h *history.History, verdict judge.Verdict) Observation {
	o := Observation{Facets: map[string]string{FacetVerdict: string(verdict)}}
	res := judge.Judge(p, h)
	if res.Verdict.Bad() && verdict == res.Verdict {
		o.Facets[FacetVerdict] += " by rule " + string(res.Rule)
	}
	for _, w := range res.Witness {
		o.Facets["witness "+w.Name] = map[bool]string{true: "seen", false: "not seen"}[w.Seen]
	}
	o.bypassed(p, h)
	o.fallbacks(p, h)
	o.Latencies = latencies(p, h)
	return o
}

// bypassed counts, for every operation whose progress is bounded so, the operations that began after it and ended before it.
func (o *Observation) bypassed(p prog.Program, h *history.History) {
	spans := spansOf(h)
	for _, s := range p.Steps() {
		b := s.Op.Expect.Before
		if b == nil {
			continue
		}
		for _, slow := range spans {
			if slow.op != s.N || slow.end < 0 {
				continue
			}
			n := 0
			for _, fast := range spans {
				if fast.task == b.Task && fast.begin > slow.begin && fast.end >= 0 && fast.end < slow.end {
					n++
				}
			}
			o.Facets[fmt.Sprintf("operations that bypassed op %d (%s)", s.N, s.Op.Verb)] = strconv.Itoa(n)
		}
	}
}

// fallbacks counts what the kernel tells of its ways, where it has the tracepoints for that.
func (o *Observation) fallbacks(p prog.Program, h *history.History) {
	if !missing(h, invalidateFail) {
		n := 0
		for _, e := range h.Of(history.Trace) {
			if e.Name == invalidateFail {
				n++
			}
		}
		o.Facets[FacetInvalidation] = strconv.Itoa(n)
	}
	if !missing(h, dioComplete) {
		if n, any := throughCache(p, h); any {
			o.Facets[FacetFallback] = strconv.FormatInt(n, 10)
		}
	}
}

// missing says whether the kernel does not have an event.
func missing(h *history.History, event string) bool {
	for _, e := range h.Of(history.Note) {
		if e.Name == "missing-event" && strings.HasPrefix(e.Text, event+":") {
			return true
		}
	}
	return false
}

// throughCache is how many bytes synchronous direct writes wrote beside what direct I/O completed in their tasks meanwhile; false without any
// such write.
func throughCache(p prog.Program, h *history.History) (n int64, any bool) {
	steps := p.Steps()
	for _, s := range spansOf(h) {
		if s.op < 0 || s.op >= len(steps) || steps[s.op].Op.Verb != prog.VDirectWrite || s.end < 0 || s.errno != "" {
			continue
		}
		any = true
		n += max(0, s.n-completed(h, s))
	}
	return n, any
}

// completed is what direct I/O completed in the span, in bytes, by the span's task.
func completed(h *history.History, s span) int64 {
	var sum int64
	for _, e := range h.Events {
		if e.Kind != history.Trace || e.Name != dioComplete || e.Task != s.task || e.Time < s.begin || e.Time > s.end {
			continue
		}
		if ret, err := strconv.ParseInt(field(e.Text, "ret"), 10, 64); err == nil && ret > 0 {
			sum += ret
		}
	}
	return sum
}

// field is the word behind a name in a tracepoint's text, "" if it is not there.
func field(text, name string) string {
	words := strings.Fields(text)
	for i, w := range words[:max(0, len(words)-1)] {
		if w == name {
			return words[i+1]
		}
		if v, ok := strings.CutPrefix(w, name+"="); ok {
			return v
		}
	}
	return ""
}
