package judge

import (
	"fmt"
	"slices"
	"strings"

	"github.com/iomapcheck/iomapcheck/harness/history"
	"github.com/iomapcheck/iomapcheck/harness/prog"
)

// witnessed is rule 6: every witness of the program must have been seen.
func (r *run) witnessed() *Result {
	var unseen []WitnessResult
	for _, w := range r.witnesses() {
		if !w.Seen {
			unseen = append(unseen, w)
		}
	}
	// First what no other execution there can show either.
	for _, w := range unseen {
		if reason := r.missing(w.Witness.Event); reason != "" {
			return general(Unsupported, RuleWitness, "this kernel does not offer the witness: %s", reason)
		}
	}
	if len(unseen) == 0 {
		return nil
	}
	w := unseen[0]
	if s, ok := r.program.Find(w.Witness.Label); ok {
		return about(Unexercised, RuleWitness, s, "no witness %s: %s", w.Name, w.Evidence)
	}
	return general(Unexercised, RuleWitness, "no witness %s: %s", w.Name, w.Evidence)
}

// witnesses looks for each of the program's witnesses.
func (r *run) witnesses() []WitnessResult {
	var out []WitnessResult
	for _, w := range r.program.Witnesses {
		res := WitnessResult{Witness: w, Name: strings.TrimPrefix(w.String(), "witness "), Direct: r.direct(w)}
		switch w.Kind {
		case prog.HeldWhile:
			res.Seen, res.Evidence = r.heldWhile(w)
		case prog.Blocked:
			res.Seen, res.Evidence = r.blocked(w)
		case prog.EventFired:
			res.Seen, res.Evidence = r.fired(w)
		case prog.Lost:
			res.Seen, res.Evidence = r.lostWrites(w)
		case prog.Pressed:
			res.Seen, res.Evidence = r.pressed(w)
		}
		res.Evidence = oneLine(res.Evidence)
		out = append(out, res)
	}
	return out
}

// missing is why the target could not watch an event, "" if it could. The note begins with the event's name, as in "group:name:
// there is no such event".
func (r *run) missing(event string) string {
	for _, e := range r.history.Of(history.Note) {
		if event == "" || e.Name != noteMissingEvent {
			continue
		}
		if words := strings.Fields(e.Text); len(words) > 0 && strings.TrimSuffix(words[0], ":") == event {
			return e.Text
		}
	}
	return ""
}

// callsOf are the calls of the operation with a label.
func (r *run) callsOf(label string) []*call {
	s, ok := r.program.Find(label)
	if !ok {
		return nil
	}
	return r.byOp[s.N]
}

// heldWhile looks for a call of the operation throughout which a disk request was held. The program's own order is exact, so it is asked
// first; the disk's events may come from another clock.
func (r *run) heldWhile(w prog.Witness) (bool, string) {
	calls := r.callsOf(w.Label)
	best := "the operation never returned"
	for _, c := range calls {
		if !c.returned() {
			continue
		}
		if by, ok := r.bracket(c); ok {
			return true, by
		}
		by, ok := r.heldThrough(c)
		if ok {
			return true, by
		}
		best = by
	}
	if len(calls) == 0 {
		best = "the operation never began"
	}
	return false, best
}

// bracket: an await of held requests returned before the call began, a release began after the call had returned, and none was under
// way from the await's beginning to the call's end.
func (r *run) bracket(c *call) (string, bool) {
	var await, release *call
	for _, o := range r.calls {
		switch v := o.step.Op.Verb; {
		case v == prog.VAwaitHeld && o.succeeded() && o.ret < c.inv:
			await = o
		case v == prog.VRelease && o.inv > c.ret && release == nil:
			release = o
		}
	}
	if await == nil || release == nil || r.releasing(await, c) {
		return "", false
	}
	return fmt.Sprintf("op %d returned before it began, and op %d began after it had returned", await.step.N, release.step.N), true
}

// releasing says whether any release was under way between the beginning of an await and the end of a call.
func (r *run) releasing(await, c *call) bool {
	return slices.ContainsFunc(r.calls, func(o *call) bool {
		return o.step.Op.Verb == prog.VRelease && o.inv < c.ret && o.ret > await.inv
	})
}

// heldThrough asks the disk's events, with the clocks' error counted against the witness. A request that was never let go counts
// only if everything was recorded.
func (r *run) heldThrough(c *call) (string, bool) {
	slack := r.history.Header.ClockError
	best := "no disk request was held"
	for _, h := range r.holds() {
		name := fmt.Sprintf("disk request #%d (%s %s)", h.event.Request, h.event.Dir, span{h.event.Off, h.event.Off + h.event.Len})
		switch {
		case h.from+slack > c.invTime:
			best = name + " was held only after the operation had begun"
		case h.open && r.recordsAlways():
			return name + " was held before it began and never let go", true
		case h.open || h.to-slack < c.retTime:
			best = name + " was let go before the operation returned"
		default:
			return name + " was held from before it began until after it returned", true
		}
	}
	return best, false
}

// recordsAlways says whether the history has every disk request: the program never switched the recording off, which is on at
// the start. Otherwise a request may have been let go without an event.
func (r *run) recordsAlways() bool {
	return !slices.ContainsFunc(r.calls, func(c *call) bool { return c.step.Op.Verb == prog.VRecord && !c.step.Op.On })
}

// blocked looks for the target's word that the operation was asleep, with one of the functions on its stack.
func (r *run) blocked(w prog.Witness) (bool, string) {
	s, _ := r.program.Find(w.Label)
	best := "it was not seen asleep"
	for _, e := range r.history.Of(history.Blocked) {
		if e.Op != s.N {
			continue
		}
		fn, ok := frame(e.Where, w.In)
		switch {
		case !r.open(s.N, e.Iter, e.Time):
			best = "it was seen asleep, but not between its beginning and its return"
		case ok && fn == "":
			return true, "it was seen asleep" + at(e.Where)
		case ok:
			return true, "it was seen asleep in " + fn
		default:
			best = "it was seen" + strings.TrimPrefix(at(e.Where), ",") + ", not in " + strings.Join(w.In, " or ")
		}
	}
	return false, best
}

// open says whether that call of the operation was under way at a time.
func (r *run) open(op, iter int, t int64) bool {
	return slices.ContainsFunc(r.byOp[op], func(c *call) bool {
		return c.iter == iter && c.invTime <= t && (c.stuck() || t < c.retTime)
	})
}

// frame finds the innermost frame that is one of the functions: by its name, its name with an offset, or a clone of it that the
// compiler made, as in fn, fn+0x1d4/0x520 and fn.isra.0; or by a name it had in older kernels. With no functions any stack will do.
func frame(where, in []string) (string, bool) {
	if len(in) == 0 {
		return "", true
	}
	for _, f := range where {
		for _, fn := range in {
			for _, name := range append([]string{fn}, history.Formerly(fn)...) {
				if rest, ok := strings.CutPrefix(f, name); ok && (rest == "" || rest[0] == '+' || rest[0] == '.') {
					return name, true
				}
			}
		}
	}
	return "", false
}

// fired counts a kernel event while the program ran: what the reads after it cause proves nothing.
func (r *run) fired(w prog.Witness) (bool, string) {
	in, outside := r.during(w.Event)
	n := int64(len(in))
	want := max(w.N, 1)
	text := fmt.Sprintf("%s fired %d times while the program ran, want %d", w.Event, n, want)
	if outside > 0 {
		text += fmt.Sprintf(" (and %d times before or after)", outside)
	}
	return n >= want, text
}

// lostWrites asks the target how many writes the power cut took away.
func (r *run) lostWrites(w prog.Witness) (bool, string) {
	n, told := r.forgotten()
	if !told {
		return false, "the power was not cut"
	}
	return n >= w.N, fmt.Sprintf("the power cut took away %d writes that the disk had answered, want %d", n, w.N)
}
