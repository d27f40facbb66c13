package sched

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
)

// randomProgram is a small random program whose every access to shared state is declared. It digests what each task saw and what is
// left at the end.
type randomProgram struct {
	scripts [][]int
	mutexes [2]Mutex
	sem     RWSem
	counter Counter
	queue   WaitQueue
	event   Event
	vars    [2]int
	objs    [2]ObjID
	seen    map[string][]int
	tasks   []*Task
}

// The operations of random programs.
const (
	opLock0 = iota
	opLock1
	opNested
	opTry
	opRead0
	opWrite0
	opRead1
	opWrite1
	opShared
	opExclusive
	opTryShared
	opRaise
	opWaitZero
	opWaitVar
	opSet
	opWaitEvent
	opSpawn
	opChoose
	opNap
	opAwait
	opTryExclusive
	opKinds
)

// newRandomProgram returns the program of a seed: small enough for every schedule to be executed.
func newRandomProgram(seed uint64) *randomProgram {
	rng := rand.New(rand.NewPCG(seed, 7))
	p := &randomProgram{}
	budget := 5 + rng.IntN(2)
	for n := 2 + rng.IntN(2); n > 0; n-- {
		var script []int
		for range max(1, budget/n) {
			script = append(script, rng.IntN(opKinds))
		}
		budget -= len(script)
		p.scripts = append(p.scripts, script)
	}
	return p
}

func (p *randomProgram) setup(s *Sched) {
	scripts := p.scripts
	*p = randomProgram{scripts: scripts, seen: map[string][]int{}}
	for i := range p.mutexes {
		p.mutexes[i].Init(s, Label{Class: "m", Index: int64(i), Many: true})
		p.objs[i] = s.NewObj(Label{Class: "var", Index: int64(i), Many: true})
	}
	p.sem.Init(s, Label{Class: "sem"})
	p.counter.Init(s, Label{Class: "counter"})
	p.queue.Init(s, Label{Class: "queue"})
	p.event.Init(s, Label{Class: "event"})
	for i, script := range p.scripts {
		name := string(rune('a' + i))
		p.tasks = append(p.tasks, s.Go(name, func(t *Task) {
			for _, op := range script {
				p.do(t, name, op)
			}
		}))
	}
}

func (p *randomProgram) see(name string, v int) { p.seen[name] = append(p.seen[name], v) }

func (p *randomProgram) read(t *Task, i int) int {
	t.Reads(p.objs[i])
	return p.vars[i]
}

func (p *randomProgram) write(t *Task, i, v int) {
	t.Writes(p.objs[i])
	p.vars[i] = v
	p.queue.Wake()
}

func (p *randomProgram) do(t *Task, name string, op int) {
	switch op {
	case opLock0, opLock1, opNested, opTry:
		p.lock(t, name, op)
	case opRead0, opRead1:
		t.point(Op{OpStep, p.objs[(op-opRead0)/2], "read"}, nil, reads)
		p.see(name, p.vars[(op-opRead0)/2])
	case opWrite0, opWrite1:
		t.Step("write", 0)
		p.write(t, (op-opWrite0)/2, 10*len(p.seen[name])+int(name[0]))
	case opShared, opExclusive, opTryShared, opTryExclusive:
		p.semaphore(t, name, op)
	case opSpawn:
		t.Step("spawn", 0)
		t.Go(name+"c", func(t *Task) { p.write(t, 0, p.read(t, 1)+1) })
	case opChoose:
		t.Step("choose", 0)
		if t.Choose(2) == 1 {
			p.write(t, 0, 7)
		}
	case opNap:
		t.Sleep(1)
		p.see(name, p.read(t, 1))
	case opAwait:
		_, blocked := t.AwaitBlocked(p.tasks[(int(name[0]-'a')+1)%len(p.tasks)])
		if blocked {
			p.see(name, 1)
			p.event.Set()
		}
	default:
		p.wait(t, name, op)
	}
}

func (p *randomProgram) lock(t *Task, name string, op int) {
	m := &p.mutexes[0]
	switch op {
	case opLock1:
		m = &p.mutexes[1]
		fallthrough
	case opLock0:
		m.Lock(t)
		p.see(name, p.read(t, 0))
	case opNested:
		p.mutexes[1].Lock(t)
		m.Lock(t)
		p.write(t, 1, p.read(t, 1)+1)
		p.mutexes[1].Unlock(t)
	case opTry:
		if !m.TryLock(t) {
			p.see(name, -1)
			return
		}
		p.write(t, 0, p.read(t, 0)+3)
	}
	m.Unlock(t)
}

func (p *randomProgram) semaphore(t *Task, name string, op int) {
	switch op {
	case opShared:
		p.sem.RLock(t)
		p.see(name, p.read(t, 0))
		p.sem.RUnlock(t)
	case opExclusive:
		p.sem.Lock(t)
		p.write(t, 0, p.read(t, 0)*2)
		p.sem.Unlock(t)
	case opTryShared:
		if p.sem.TryRLock(t) {
			p.see(name, p.read(t, 1))
			p.sem.RUnlock(t)
		}
	case opTryExclusive:
		if p.sem.TryLock(t) {
			p.write(t, 1, p.read(t, 1)+5)
			p.sem.Downgrade(t)
			p.sem.RUnlock(t)
		}
	}
}

func (p *randomProgram) wait(t *Task, name string, op int) {
	switch op {
	case opRaise:
		t.Step("raise", 0)
		p.counter.Add(1)
		t.Step("lower", 0)
		p.counter.Add(-1)
	case opWaitZero:
		p.counter.WaitZero(t, "counter")
		p.see(name, p.read(t, 0))
	case opWaitVar:
		p.queue.Wait(t, "var", func() bool { return p.read(t, 0) > 0 })
		p.see(name, p.read(t, 1))
	case opSet:
		t.Step("set", 0)
		p.event.Set()
	case opWaitEvent:
		p.event.Wait(t, "event")
		p.see(name, p.read(t, 0))
	}
}

// digest tells what each task saw, what is left, and who is blocked.
func (p *randomProgram) digest(r *Result) string {
	var sb strings.Builder
	fmt.Fprint(&sb, r.Outcome, p.vars, p.seen)
	for _, b := range r.Blocked {
		if b.Waits.Class != "" {
			fmt.Fprint(&sb, " ", b.Task, ":", b.Waits)
		}
	}
	return sb.String()
}

// endings executes the program under a strategy and returns the final states with how often each came up.
func (p *randomProgram) endings(strategy Strategy, budget int) (map[string]int, Report) {
	ends := map[string]int{}
	rep := Explore(context.Background(), Options{Strategy: strategy, Budget: budget, MaxSteps: 10000}, p.setup, func(r *Result) bool {
		ends[p.digest(r)]++
		return true
	})
	return ends, rep
}
