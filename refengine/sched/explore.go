package sched

import (
	"context"
	"fmt"
	"strings"
)

// Outcome is how an execution ended.
type Outcome uint8

// The outcomes.
const (
	Running   Outcome = iota
	Done              // every task ended
	Deadlock          // tasks are blocked for ever; Result.Blocked names them
	Panicked          // a task panicked: a broken invariant of the engine
	StepLimit         // too many steps: says nothing, neither good nor bad
	Pruned            // the strategy gave the execution up, or a replay diverged
	Starved           // a blocked task was overtaken more often than its obligation allows
	Livelock          // the same states come back for ever under a fair schedule
)

// String returns the outcome's name.
func (o Outcome) String() string {
	names := [...]string{"running", "done", "deadlock", "panic", "step-limit", "pruned", "starved", "livelock"}
	return names[o]
}

// DefaultMaxSteps is how many steps an execution may take when Options do not say.
const DefaultMaxSteps = 1 << 20

// Options say what to execute.
type Options struct {
	Name     string // the program's name, put into tokens
	Strategy Strategy
	Budget   int   // executions at most, pruned ones counted, 0 for as many as the strategy has
	MaxSteps int64 // steps of one execution at most, 0 for DefaultMaxSteps
	Trace    bool  // fill Result.Trace; costs an allocation now and then
}

// TraceStep is one executed step.
type TraceStep struct {
	Step int64
	Task int
	Role string
	Op   Op
}

// Result tells how one execution went. It and what it points to are valid until the next execution begins: in Explore
// until after returns, from Run until the next Run, from Replay for ever.
type Result struct {
	Outcome   Outcome
	Message   string        // why it ended so, "" for Done
	Blocked   []BlockedTask // of a Deadlock, StepLimit, Starved or Livelock
	Panic     any           // of Panicked
	Stack     string        // of Panicked
	Hash      uint64        // of the steps, in order, and everything noted
	Steps     int64
	Decisions int64
	Execution int    // 1 for the first
	Strategy  string // the name of the strategy that made it
	Trace     []TraceStep

	name string
	path []deviation
}

// Token returns the replay token of the execution: t2.<name>.<hash>.<choices>.
func (r *Result) Token() string { return formatToken(r.name, r.Hash, r.path) }

// Switches returns how often the execution chose otherwise than to go on with the same task, or with the oldest where that one could
// not: the length of what the token says.
func (r *Result) Switches() int { return len(r.path) }

// String describes the result in a few lines.
func (r *Result) String() string {
	var sb strings.Builder
	fmt.Fprintf(&sb, "%s after %d steps", r.Outcome, r.Steps)
	if r.Message != "" {
		sb.WriteString(": " + r.Message)
	}
	for _, b := range r.Blocked {
		sb.WriteString("\n  " + b.String())
	}
	if r.Outcome == Panicked {
		fmt.Fprintf(&sb, "\n  %v\n%s", r.Panic, r.Stack)
	}
	return sb.String()
}

// execution runs one execution; the strategy has begun.
func (s *Sched) execution(o Options, strategy Strategy, setup func(*Sched)) *Result {
	s.reset(o, strategy)
	setup(s)
	s.next = s.decide(nil)
	s.drive()
	r := &s.result
	*r = Result{
		Strategy: strategy.Name(),
		Outcome:  s.outcome, Message: s.message, Blocked: s.blocked, Panic: s.panicValue, Stack: s.panicStack,
		Hash: s.hash, Steps: s.steps, Decisions: s.decisions, Trace: s.trace, name: o.Name, path: s.path.deviations,
	}
	if l, ok := strategy.(learner); ok {
		l.learn(s)
	}
	s.teardown()
	strategy.End(r)
	return r
}

// Run executes the program once. Close the scheduler when it is no longer needed.
func (s *Sched) Run(o Options, setup func(*Sched)) *Result {
	if !o.Strategy.Begin() {
		return &Result{Outcome: Pruned, Message: "strategy has no execution left", name: o.Name}
	}
	return s.execution(o, o.Strategy, setup)
}

// Report tells how an exploration went.
type Report struct {
	Executions int         // to their end
	Pruned     int         // given up by the strategy, because they would have repeated others
	Complete   bool        // the strategy has enumerated every schedule
	Steps      int64       // of all executions
	Inversions []Inversion // of the lock order, over all executions
	Edges      []Edge      // the nestings of lock classes seen, in an order that does not change
	Kinds      Kinds       // of the steps that were taken
	Abandoned  int         // coroutines that could not be ended: a body swallowed the kill signal
}

// String says "N schedules, complete" or "N schedules".
func (r Report) String() string {
	s := fmt.Sprintf("%d schedules", r.Executions)
	if r.Complete {
		s += ", complete"
	}
	return s
}

// Explore executes the program again and again, under the strategy's choices, until after returns false, the budget or the
// strategy is used up, or ctx ends (looked at between executions). after is not told of executions that the strategy gave up. setup builds the program's state and starts its first
// tasks; it is called for every execution and must do the same each time. after may be nil.
func Explore(ctx context.Context, o Options, setup func(*Sched), after func(*Result) bool) Report {
	s := New()
	var rep Report
	for (o.Budget == 0 || rep.Executions+rep.Pruned < o.Budget) && ctx.Err() == nil && o.Strategy.Begin() {
		r := s.execution(o, o.Strategy, setup)
		rep.Steps += r.Steps
		if r.Outcome == Pruned {
			rep.Pruned++
			continue
		}
		rep.Executions++
		r.Execution = rep.Executions
		if after != nil && !after(r) {
			break
		}
	}
	if d, ok := o.Strategy.(interface{ Complete() (int, bool) }); ok {
		_, rep.Complete = d.Complete()
	}
	rep.Inversions, rep.Edges, rep.Kinds = s.Inversions(), s.LockEdges(), s.kinds
	rep.Abandoned = s.Close()
	return rep
}
