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
	running int     // the number of the task that took the latest step, -1 in set-up
	objs    []Label
	timers  []timer
	idlers  []*idler
	now     time.Duration
	idleCo  []*coroutine
	order   lockOrder
	keeper  keeper
	owed    []*Obligation
	lasso   lasso
	log     *journal // nil unless the strategy asks for it

	steps     int64
	kinds     Kinds // of the steps of every execution
	decisions int64
	hash      uint64
	path      path // the choices of this execution
	trace     []TraceStep

	result     Result // of the latest execution
	outcome    Outcome
	message    string
	panicValue any
	panicStack string
	blocked    []BlockedTask
	cycle      []BlockedTask // a cycle of lock owners was found, and the execution goes on
	killing    bool
	calm       bool // see Task.Calm
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
	s.used, s.next, s.running = 0, nil, -1
	s.keeper.execution++
	s.live, s.objs, s.timers, s.idlers = s.live[:0], s.objs[:0], s.timers[:0], s.idlers[:0]
	s.path.reset()
	s.trace, s.blocked = s.trace[:0], nil
	s.now, s.steps, s.decisions, s.hash = 0, 0, 0, 0
	s.cycle, s.log, s.calm = nil, nil, false
	s.owed, s.lasso.digest = s.owed[:0], nil
	if j, ok := strategy.(journaled); ok {
		s.log = j.journal()
		s.log.reset()
	}
	s.outcome, s.message, s.panicValue, s.panicStack = Running, "", nil, ""
}

// execute accounts for the step that t takes now.
func (s *Sched) execute(t *Task) {
	s.steps++
	s.kinds |= 1 << t.op.Kind
	s.Note(uint64(t.id)<<40 | uint64(t.op.Kind)<<32 | uint64(t.op.Obj))
	if s.log != nil {
		s.log.step(t)
	}
	t.gate = nil
	t.taken++
	s.running = t.id
	if s.tracing {
		s.trace = append(s.trace, TraceStep{Step: s.steps, Task: t.id, Role: t.role, Op: t.op})
	}
}

// decide returns the task that runs next, nil when the execution has ended. cur is the task that decides, nil if it ended.
func (s *Sched) decide(cur *Task) *Task {
	if s.outcome != Running {
		return nil
	}
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
		if len(s.enabled) > 0 {
			return s.pick(cur)
		}
		if s.log != nil {
			s.log.quiet(s.live)
		}
		if !s.fireTimers() {
			s.quiesce()
			return nil
		}
	}
}

func (s *Sched) pick(cur *Task) *Task {
	if s.calm {
		return byDefault(cur, s.enabled)
	}
	if len(s.owed) > 0 {
		s.forgive()
	}
	if s.lasso.digest != nil {
		if t := s.lasso.next(s); t != nil || s.outcome != Running {
			return t
		}
	}
	choice := len(s.enabled) > 1
	if !choice && s.log == nil {
		return s.enabled[0]
	}
	if choice {
		s.decisions++
	}
	t := s.strategy.Pick(s, cur, s.enabled)
	if t == nil {
		s.giveUp()
	} else if choice {
		s.path.record(uint32(t.id)<<1, t == byDefault(cur, s.enabled))
	}
	return t
}

// byDefault returns the task that goes on if nobody cares: the one that decides, if it can, else the oldest that can.
func byDefault(cur *Task, enabled []*Task) *Task {
	if cur != nil && cur.alive != 0 && (cur.gate == nil || *cur.gate == 0) {
		return cur
	}
	return enabled[0]
}

// giveUp ends the execution because the strategy wants no more of it.
func (s *Sched) giveUp() {
	if s.log != nil {
		s.log.quiet(s.live)
	}
	s.end(Pruned, "strategy gave the execution up")
}

func (s *Sched) choose(n int) int {
	if n <= 1 || s.calm {
		return 0
	}
	if s.lasso.digest != nil {
		if v, ok := s.lasso.choose(s, n); ok {
			s.Note(uint64(v))
			return v
		}
	}
	v := s.strategy.Choose(s, n)
	if s.lasso.digest != nil {
		s.lasso.chosen = append(s.lasso.chosen, picked{int(s.steps) - s.lasso.start - 1, v})
	}
	if s.log != nil {
		s.log.choices = append(s.log.choices, branch{v, n})
	}
	s.path.record(uint32(v)<<1|1, v == 0)
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
	if s.cycle != nil && (o == Deadlock || o == StepLimit) {
		s.outcome, s.message, s.blocked = Deadlock, ownersCycle, s.cycle
		return
	}
	s.outcome, s.message = o, message
	if o == Deadlock || o == StepLimit || o == Starved || o == Livelock {
		s.blocked = s.describeBlocked()
	}
}
