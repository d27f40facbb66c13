package prog

import (
	"fmt"
	"strconv"
)

// A power cut ends the machine between two operations of main: what the disk had not promised may be lost, the tasks that run end
// where they are, and so do holds, faults, memory limits and asynchronous requests. The machine then starts anew from what is left, the
// file system is mounted (which replays its log), and main goes on. The files themselves are there: their creation was made durable
// before the program began.

// VCut cuts the power.
const VCut Verb = "cut"

// Keep says which of the writes that a cut may take away stay all the same: a disk may write its cache back in any order. A write
// stays whole or not at all.
type Keep uint8

// What a cut keeps beyond what the disk has promised.
const (
	KeepNothing Keep = iota // all that was not promised is lost
	KeepSome                // each write by chance, which the job's seed or the engine's strategy throws
	KeepOldest              // the first Count of them
	KeepNewest              // the last Count
)

// Cut cuts the power and keeps only what the disk has promised.
func Cut() Op { return Op{Verb: VCut} }

// Keeping lets writes survive a cut that were not promised; n counts those of KeepOldest and KeepNewest.
func (op Op) Keeping(k Keep, n int64) Op { op.Keep, op.Count = k, n; return op }

// Lost is the kind of the evidence that a cut took something away.
const Lost WitnessKind = "lost"

// WritesLost asks that the cut lost at least n writes that the disk had answered: without any, the disk had nothing to lose and nothing
// was shown.
func WritesLost(n int64) Witness { return Witness{Kind: Lost, N: n} }

// Cut is the operation that cuts the power; a program has one at most.
func (p Program) Cut() (Step, bool) {
	for _, s := range p.Steps() {
		if s.Op.Verb == VCut {
			return s, true
		}
	}
	return Step{}, false
}

// printKeep is what a cut keeps, in words.
func (op Op) printKeep() []string {
	switch op.Keep {
	case KeepSome:
		return []string{"keeping", "some"}
	case KeepOldest:
		return []string{"keeping", "oldest", strconv.FormatInt(op.Count, 10)}
	case KeepNewest:
		return []string{"keeping", "newest", strconv.FormatInt(op.Count, 10)}
	}
	return nil
}

// keep reads what a cut keeps.
func (r *reader) keep(op *Op) (err error) {
	if r.peek() != "keeping" {
		return nil
	}
	r.next()
	switch w := r.next(); w {
	case "some":
		op.Keep = KeepSome
		return nil
	case "oldest":
		op.Keep = KeepOldest
	case "newest":
		op.Keep = KeepNewest
	default:
		return fmt.Errorf("want keeping some, keeping oldest N or keeping newest N, not %q", w)
	}
	op.Count, err = parseCount(r.next())
	return err
}

// cut checks a power cut's place, and that nothing after it speaks of what it ended.
func (c *checker) cut(p Program) {
	var ended *Step
	tasks, requests := map[string]bool{}, map[string]bool{}
	p.Walk(func(s Step) {
		op := s.Op
		switch {
		case op.Verb == VCut:
			c.cutPlace(s, ended)
			ended = &s
		case ended == nil && op.Verb == VGo:
			tasks[op.Task] = true
		case ended == nil && op.AIO != "":
			requests[op.AIO] = true
		case ended == nil:
		case op.Verb == VReap && requests[op.AIO]:
			c.fail(s.N, "reap %s: the power cut has ended that request", op.AIO)
		case (op.Verb == VJoin || op.Verb == VUntil || op.Verb == VAwaitBlocked) && tasks[op.Task]:
			c.fail(s.N, "%s %s: the power cut has ended that task", op.Verb, op.Task)
		}
	})
	for _, w := range p.Witnesses {
		if w.Kind == Lost && ended == nil {
			c.fail(-1, "witness lost: the program has no cut")
		}
	}
}

func (c *checker) cutPlace(s Step, before *Step) {
	switch {
	case before != nil:
		c.fail(s.N, "a program cuts the power once")
	case s.Task != "main" || s.InLoop:
		c.fail(s.N, "cut stands in main, outside of every block")
	case (s.Op.Keep == KeepOldest || s.Op.Keep == KeepNewest) && s.Op.Count < 1:
		c.fail(s.N, "cut keeping: want how many writes, from 1")
	}
}
