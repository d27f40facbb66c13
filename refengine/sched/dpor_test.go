package sched

import (
	"context"
	"fmt"
	"testing"
)

// The reduction loses nothing: on random programs, plain depth-first search, sleep sets and DPOR end in the same states.
func TestDPORReachesEveryFinalStateThatDFSReaches(t *testing.T) {
	const programs = 1000
	var total [3]int
	complete, deadlocks := 0, 0
	for seed := uint64(0); complete < programs && seed < 4*programs; seed++ {
		p := newRandomProgram(seed)
		all, rep := p.endings(NewDFS(), 2500)
		if !rep.Complete {
			continue
		}
		complete++
		total[0] += rep.Executions
		for i, strategy := range []Strategy{NewSleepSets(0), NewDPOR(0)} {
			ends, r := p.endings(strategy, 100000)
			total[i+1] += r.Executions
			if !r.Complete {
				t.Fatalf("program %d %v, %s: %v", seed, p.scripts, strategy.Name(), r)
			}
			if missing := absent(all, ends); len(missing)+len(absent(ends, all)) > 0 {
				t.Fatalf("program %d %v: %s misses %q and has %q to itself, of %d states", seed, p.scripts, strategy.Name(), missing,
					absent(ends, all), len(all))
			}
		}
		for e := range all {
			if e[0] == 'd' && e[1] == 'e' {
				deadlocks++
			}
		}
	}
	if complete < programs || deadlocks < 50 {
		t.Errorf("%d programs, %d deadlocks: too tame", complete, deadlocks)
	}
	t.Logf("%d programs: depth first %d executions, sleep sets %d, DPOR %d", complete, total[0], total[1], total[2])
}

func absent(of, from map[string]int) (missing []string) {
	for k := range of {
		if _, ok := from[k]; !ok {
			missing = append(missing, k)
		}
	}
	return missing
}

func TestDPORNeedsOneScheduleForIndependentTasks(t *testing.T) {
	rep := Explore(context.Background(), Options{Strategy: NewDPOR(0)}, steps(5, 5, 5, 5), nil)
	if rep.String() != "1 schedules, complete" || rep.Pruned != 0 {
		t.Error(fmt.Sprint(rep), rep.Pruned)
	}
}
