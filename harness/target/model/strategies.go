package model

import (
	"fmt"
	"slices"
	"strings"

	"github.com/iomapcheck/iomapcheck/harness/prog"
	"github.com/iomapcheck/iomapcheck/refengine/sched"
)

// strategy is a way to choose schedules, by the name that users give it.
type strategy struct {
	name string
	make func(seed uint64) sched.Strategy
}

// strategies are those that a job can ask for by name. Depth first is left out: it tries schedules in order, whatever the seed.
func strategies() []strategy {
	pct := func(depth int) func(uint64) sched.Strategy {
		return func(seed uint64) sched.Strategy { return sched.NewPCT(depth, seed) }
	}
	return []strategy{
		{"random", func(seed uint64) sched.Strategy { return sched.NewRandom(seed) }},
		{"pct2", pct(2)}, {"pct3", pct(3)}, {"pct5", pct(5)},
		{"pos", func(seed uint64) sched.Strategy { return sched.NewPOS(seed) }},
		{"urw", func(seed uint64) sched.Strategy { return sched.NewURW(seed) }},
		{"surw", func(seed uint64) sched.Strategy { return sched.NewSURW(seed) }},
		{"rotation", func(seed uint64) sched.Strategy { return sched.NewRotation(seed) }},
	}
}

// Strategies lists the names that target.Job.Strategy takes.
func Strategies() []string {
	var names []string
	for _, s := range strategies() {
		names = append(names, s.name)
	}
	return names
}

// strategyFor finds a strategy by name.
func strategyFor(name string, seed uint64) (sched.Strategy, error) {
	list := strategies()
	i := slices.IndexFunc(list, func(s strategy) bool { return s.name == name })
	if i < 0 {
		return nil, fmt.Errorf("find strategy %q: there are %s", name, strings.Join(Strategies(), ", "))
	}
	return list[i].make(seed), nil
}

// patience is how many steps of others a task must wait under a strategy that was made fair.
const patience = 2000

// fairFor makes a strategy fair where the program loops until another task has ended: without a bound such a loop can go round for ever.
func fairFor(p prog.Program, s sched.Strategy) sched.Strategy {
	if loopsUntil(p) {
		return sched.NewFair(s, patience)
	}
	return s
}

// mixture is what a job gets that names no strategy. Where the program bounds how often a task may be overtaken, or loops until another has
// ended, only a schedule that gives every task its turn says something of the kernel: uniformly random choices do. Elsewhere no
// single strategy finds everything.
func mixture(p prog.Program, seed uint64) sched.Strategy {
	if loopsUntil(p) || boundsOvertaking(p) {
		return sched.NewRandom(seed)
	}
	return sched.NewRotation(seed)
}

func boundsOvertaking(p prog.Program) bool {
	return slices.ContainsFunc(p.Steps(), func(s prog.Step) bool { return s.Op.Expect.Before != nil })
}
