package sched

import (
	"context"
	"fmt"
	"testing"
)

// The reduction loses nothing: on random programs, plain depth-first search, sleep sets and DPOR end in the same states.
func TestDPORReachesEveryFinalStateThatDFSReaches(t *testing.T) {
	t.Parallel()
	programs := 1000
	if testing.Short() {
		programs = 200
	}
	var total [3]int
	complete, deadlocks := 0, 0
	for seed := uint64(0); complete < programs && seed < uint64(4*programs); seed++ {
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
	if complete < programs || deadlocks < programs/20 {
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

// The trylock touches the variable only if it gets the lock. The schedule in which c reads first, and then a gets the lock before b,
// shows in no race of the executions in which a fails: only the watch on sleeping tasks finds it.
func TestDPORFollowsFootprintsThatDependOnWhatCameBefore(t *testing.T) {
	program := func() *randomProgram {
		return &randomProgram{scripts: [][]int{{opTry}, {opLock0, opAwait}, {opRead0, opAwait}}}
	}
	all, _ := program().endings(NewDFS(), 0)
	for _, blind := range []bool{false, true} {
		d := NewDPOR(0)
		d.races.blind = blind
		ends, rep := program().endings(d, 0)
		if missing := absent(all, ends); !rep.Complete || blind != (len(missing) > 0) {
			t.Errorf("blind %v: %v, misses %q", blind, rep, missing)
		}
	}
}

func TestDPORStopsAtItsBudgetAndSaysSo(t *testing.T) {
	rep := Explore(context.Background(), Options{Strategy: NewDPOR(3)}, setup3x20, nil)
	if rep.Complete || rep.Executions+rep.Pruned != 3 {
		t.Error(rep, rep.Pruned)
	}
}

func TestDPORIsNeverCompleteAfterAStepLimit(t *testing.T) {
	rep := Explore(context.Background(), Options{Strategy: NewDPOR(0), MaxSteps: 10}, steps(4, 8), nil)
	if rep.Complete {
		t.Error(rep)
	}
}
