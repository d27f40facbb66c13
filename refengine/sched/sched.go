package sched

import "time"

// Sched runs one execution at a time: tasks, the choices made between them, and virtual time. It is used by one goroutine.
// Nothing in it is shared with another Sched: run one per processor to use several.
type Sched struct {
	strategy Strategy
	name     string
	maxSteps int64
	tracing  bool

	tasks   []*Task // every Task ever made, the first used of them in this execution
	used    int
	live    []*Task // tasks whose body has not ended, in the order they were started
	enabled []*Task // scratch of decide
	next    *Task   // what the driver resumes
	objs    []Label
	timers  []timer
	idlers  []*idler
	now     time.Duration
	idleCo  []*coroutine
	order   lockOrder

	steps     int64
	decisions int64
	hash      uint64
	runs      []run // the choices of this execution, run-length coded
	trace     []TraceStep

	outcome    Outcome
	message    string
	panicValue any
	panicStack string
	blocked    []BlockedTask
	killing    bool
	abandoned  int
}

// New returns a scheduler without tasks. Explore and Replay make their own; New is for one execution at a time by Run.
func New() *Sched { return &Sched{} }

// Steps returns how many scheduling points have been executed: the execution's clock.
func (s *Sched) Steps() int64 { return s.steps }

// Decisions returns how often the strategy had more than one task to choose from.
func (s *Sched) Decisions() int64 { return s.decisions }

// Now returns the virtual time since the execution began.
func (s *Sched) Now() time.Duration { return s.now }

// Note mixes a value into the trace hash, so that replay verifies it too: results, data, events.
func (s *Sched) Note(v uint64) {
	h := (s.hash ^ v) * 0x9e3779b97f4a7c15
	s.hash = h ^ h>>29
}

func (s *Sched) reset(o Options, strategy Strategy) {
	s.strategy, s.name, s.maxSteps, s.tracing = strategy, o.Name, o.MaxSteps, o.Trace
	if s.maxSteps == 0 {
		s.maxSteps = DefaultMaxSteps
	}
	s.used, s.next = 0, nil
	s.live, s.objs, s.timers, s.idlers = s.live[:0], s.objs[:0], s.timers[:0], s.idlers[:0]
	s.runs, s.trace, s.blocked = s.runs[:0], s.trace[:0], nil
	s.now, s.steps, s.decisions, s.hash = 0, 0, 0, 0
	s.outcome, s.message, s.panicValue, s.panicStack = Running, "", nil, ""
}

// execute accounts for the step that t takes now.
func (s *Sched) execute(t *Task) {
	s.steps++
	s.Note(uint64(t.id)<<40 | uint64(t.op.Kind)<<32 | uint64(t.op.Obj))
	t.gate = nil
	if s.tracing {
		s.trace = append(s.trace, TraceStep{Step: s.steps, Task: t.id, Role: t.role, Op: t.op})
	}
}

// decide returns the task that runs next, nil when the execution has ended. cur is the task that decides, nil if it ended.
func (s *Sched) decide(cur *Task) *Task {
	if s.steps >= s.maxSteps {
		s.end(StepLimit, "step limit reached: inconclusive")
		return nil
	}
	for {
		s.enabled = s.enabled[:0]
		for _, t := range s.live {
			if t.gate == nil || *t.gate == 0 {
				s.enabled = append(s.enabled, t)
			}
		}
		if len(s.idlers) > 0 && s.wakeIdlers(len(s.enabled) == 0) {
			continue
		}
		switch len(s.enabled) {
		case 0:
			if s.fireTimers() {
				continue
			}
			s.quiesce()
			return nil
		case 1:
			return s.enabled[0]
		}
		return s.pick(cur)
	}
}

func (s *Sched) pick(cur *Task) *Task {
	s.decisions++
	t := s.strategy.Pick(s, cur, s.enabled)
	if t == nil {
		if s.outcome == Running {
			s.end(Pruned, "strategy gave the execution up")
		}
		return nil
	}
	s.record(uint32(t.id) << 1)
	return t
}

func (s *Sched) choose(n int) int {
	if n <= 1 {
		return 0
	}
	v := s.strategy.Choose(s, n)
	s.record(uint32(v)<<1 | 1)
	s.Note(uint64(v))
	return v
}

// quiesce ends an execution in which nothing can run: all tasks have ended, or the rest is blocked for ever.
func (s *Sched) quiesce() {
	if len(s.live) == 0 {
		s.end(Done, "")
		return
	}
	s.end(Deadlock, "no task can run")
}

// end fixes the outcome; the first one counts. Tasks still parked are unwound by the driver's caller.
func (s *Sched) end(o Outcome, message string) {
	if s.outcome != Running {
		return
	}
	s.outcome, s.message = o, message
	if o == Deadlock || o == StepLimit {
		s.blocked = s.describeBlocked()
	}
}
