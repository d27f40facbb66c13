package judge

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/iomapcheck/iomapcheck/harness/history"
	"github.com/iomapcheck/iomapcheck/harness/prog"
)

// edit damages a history in one place.
func edit(t *rapid.T, events []history.Event, p prog.Program) []history.Event {
	i, j := rapid.IntRange(0, len(events)-1).Draw(t, "event"), rapid.IntRange(0, len(events)-1).Draw(t, "other")
	e := &events[i]
	number := rapid.Int64Range(-2, 1<<41)
	switch rapid.IntRange(0, 11).Draw(t, "edit") {
	case 0:
		return slices.Delete(events, i, i+1)
	case 1:
		return slices.Insert(events, j, *e)
	case 2:
		events[i], events[j] = events[j], events[i]
	case 3:
		e.Time, events[j].Time = events[j].Time, e.Time
	case 4:
		e.Op = rapid.IntRange(-2, len(p.Steps())).Draw(t, "op")
	case 5:
		e.N = number.Draw(t, "n")
	case 6:
		e.Errno = rapid.SampledFrom([]string{"", "EIO", "EINVAL", "ENOTBLK", "E529", "SIGBUS"}).Draw(t, "errno")
	case 7:
		e.Data = slices.Concat(e.Data, prog.Content{{Len: number.Draw(t, "length"), Fill: rapid.SampledFrom([]string{"n", ".", "!", "", "é"}).Draw(t, "fill")}})
	case 8:
		e.Kind = rapid.SampledFrom(kinds()).Draw(t, "kind")
	case 9:
		e.Name = rapid.SampledFrom([]string{staleFinding, staleProbe, "oops", noteNotProvoked, noteTaskDied}).Draw(t, "name")
	case 10:
		e.Task, e.Path, e.What, e.Request = events[j].Task, events[j].Path, events[j].What, events[j].Request
	case 11:
		return events[:i]
	}
	return events
}

func TestDamagedHistoriesAreJudgedWithoutPanic(t *testing.T) {
	programs, err := filepath.Glob("testdata/*.prog")
	if err != nil || len(programs) == 0 {
		t.Fatalf("there are no stored histories: %v", err)
	}
	seen := map[Rule]bool{}
	damaged := rapid.Custom(func(t *rapid.T) Result {
		base := strings.TrimSuffix(rapid.SampledFrom(programs).Draw(t, "story"), ".prog")
		p, h := stored(t, base)
		for range rapid.IntRange(1, 4).Draw(t, "edits") {
			if len(h.Events) > 0 {
				h.Events = edit(t, h.Events, p)
			}
		}
		res := Judge(p, h)
		return res
	})
	// Examples by number, and not rapid.Check: what the edits reach must not depend on the run.
	for i := range 500 {
		res := damaged.Example(i)
		if res.Verdict == "" || strings.ContainsAny(res.Summary(), "\n\r") {
			t.Fatalf("example %d: result %+v", i, res)
		}
		seen[res.Rule] = true
	}
	if len(seen) < 4 {
		t.Errorf("the edits reached the rules %v only", seen)
	}
}
