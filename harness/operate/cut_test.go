package operate

import (
	"strings"
	"testing"

	"github.com/iomapcheck/iomapcheck/harness/disk"
	"github.com/iomapcheck/iomapcheck/harness/prog"
)

// kept are the writes that survive a cut, of five: a letter for each, oldest first.
func kept(op prog.Op, seed uint64) string {
	const of = 5
	keep := survivors(op, prog.Program{Ops: []prog.Op{op}}, seed)
	text := ""
	for n := range of {
		text += map[bool]string{true: "k", false: "-"}[keep(n, of)]
	}
	return text
}

func TestACutKeepsWhatTheProgramWants(t *testing.T) {
	for want, op := range map[string]prog.Op{
		"-----": {Verb: prog.VCut},
		"kk---": {Verb: prog.VCut, Keep: prog.KeepOldest, Count: 2},
		"---kk": {Verb: prog.VCut, Keep: prog.KeepNewest, Count: 2},
	} {
		if got := kept(op, 1); got != want {
			t.Errorf("%s: %s, want %s", op, got, want)
		}
	}
}

func TestACutByChanceIsTheSameAgainAndLosesSomething(t *testing.T) {
	op := prog.Op{Verb: prog.VCut, Keep: prog.KeepSome}
	seen := map[string]bool{}
	for seed := range uint64(200) {
		got := kept(op, seed)
		if got != kept(op, seed) {
			t.Errorf("seed %d: another choice each time", seed)
		}
		if !strings.Contains(got, "-") {
			t.Errorf("seed %d: nothing is lost", seed)
		}
		seen[got] = true
	}
	if len(seen) < 16 {
		t.Errorf("200 seeds make %d choices of 31", len(seen))
	}
}

func TestAnEventThatHistoriesDoNotHaveIsNone(t *testing.T) {
	for what, want := range map[disk.What]bool{disk.Held: true, disk.Released: true, disk.Answered: true, disk.Failed: true, disk.Arrived: false} {
		if _, ok := Event(disk.Event{What: what}, 0); ok != want {
			t.Errorf("%v: %t, want %t", what, ok, want)
		}
	}
}
