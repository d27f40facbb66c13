package campaign

import (
	"strings"
	"testing"

	"github.com/iomapcheck/iomapcheck/cases"
	"github.com/iomapcheck/iomapcheck/harness/judge"
	"github.com/iomapcheck/iomapcheck/harness/prog"
	"github.com/iomapcheck/iomapcheck/harness/target/model"
)

// pressed are units of every theme, each under every setting of the dial.
func pressed(t *testing.T, fs ...string) []Unit {
	t.Helper()
	units, err := Plan(cases.Catalogue(), Selection{FS: fs, Cases: []string{
		"coherence/post-write-invalidation", "coherence/under-reclaim", "fallback/redirty-during-writeback~aio", "foliolock/store-during-writeback",
		"progress/truncate-waits-for-dio", "regress/direct-read-keeps-cache", "durability/fsync",
	}})
	if err != nil {
		t.Fatal(err)
	}
	var all []Unit
	for _, d := range prog.Dials() {
		all = append(all, UnderPressure(units, d)...)
	}
	return all
}

func TestRulesHoldUnderEveryPressureAndTheCgroupCountsIt(t *testing.T) {
	r := &Runner{Target: model.New(model.Config{Release: DefaultRelease}), Budget: 10}
	counted := 0
	for _, u := range pressed(t, "xfs") {
		v := r.Run(t.Context(), u, nil)
		if v.Verdict != judge.OK && v.Verdict != judge.Unsupported {
			t.Errorf("%s: %s %s", u.Name(), v.Verdict, v.Text)
		}
		if strings.Contains(strings.Join(v.Witness, "\n"), "seen: pressure 1: reclaim took") {
			counted++
		}
		if v.Name() != u.CaseName() || v.Parameters["pressure"] != string(u.Pressure) {
			t.Errorf("%s: the verdict is about %s, %v", u.Name(), v.Name(), v.Parameters)
		}
	}
	if counted < 30 {
		t.Errorf("%d verdicts have the cgroup's word", counted)
	}
}

func TestAUnitUnderPressureIsFoundByItsNameAndReplaysFromItsToken(t *testing.T) {
	r := &Runner{Target: model.New(model.Config{Release: DefaultRelease}), Budget: 4}
	for _, u := range pressed(t, "xfs") {
		again, err := ParseName(cases.Catalogue(), u.Name())
		if err != nil || again.Name() != u.Name() || again.Pressure != u.Pressure {
			t.Fatalf("%s is read back as %s, %v", u.Name(), again.Name(), err)
		}
		v := r.Run(t.Context(), u, nil)
		if v.Token == "" {
			continue
		}
		if w := r.Replay(t.Context(), again, v.Token); w.Verdict != v.Verdict || strings.Join(w.Witness, "\n") != strings.Join(v.Witness, "\n") {
			t.Errorf("%s: %s, and again %s %s", u.Name(), v.Verdict, w.Verdict, w.Text)
		}
	}
	for _, name := range []string{"coherence/short-copy~read+lots@xfs", "coherence/short-copy+high"} {
		if _, err := ParseName(cases.Catalogue(), name); err == nil {
			t.Errorf("%s is a unit", name)
		}
	}
}

// A limit that nothing comes near to shows nothing.
func TestAVerdictUnderPressureOfWhichTheCgroupCountedNothingIsUnexercised(t *testing.T) {
	u := pressed(t, "xfs")[0]
	p, err := prog.Parse("truncate ballast 4k\nmemory max 1m\nflood ballast 0 4k\nwrite f 0 4k n\nwitness pressure 1\n")
	if err != nil {
		t.Fatal(err)
	}
	r := &Runner{Target: model.New(model.Config{Release: DefaultRelease}), Budget: 5}
	if v := r.RunProgram(t.Context(), u, p, nil); v.Verdict != judge.Unexercised || !strings.Contains(v.Text, "nothing was counted") {
		t.Errorf("%s %s", v.Verdict, v.Text)
	}
}

func TestPressureIsRefusedWhereThereIsNoPageCache(t *testing.T) {
	for _, fs := range []string{"xfs/dax", "zonefs"} {
		u := pressed(t, fs)[0]
		u.Case.Rows = nil
		r := &Runner{Target: model.New(model.Config{Release: DefaultRelease}), Budget: 5}
		if v := r.Run(t.Context(), u, nil); v.Verdict != judge.Unsupported {
			t.Errorf("%s: %s %s", u.Name(), v.Verdict, v.Text)
		}
	}
}

// What reclaim must not take is taken by a mutant, and the dial is what shows it: without pressure nothing reclaims.
func TestAReclaimThatTakesDirtyPagesIsCaughtUnderPressureOnly(t *testing.T) {
	u, err := ParseName(cases.Catalogue(), "coherence/extending-write~read@xfs")
	if err != nil {
		t.Fatal(err)
	}
	r := &Runner{Target: model.New(model.Config{Release: DefaultRelease}), Budget: 100, Mutants: []string{"reclaim-takes-dirty"}}
	if v := r.Run(t.Context(), u, nil); v.Verdict != judge.OK {
		t.Errorf("without pressure: %s %s", v.Verdict, v.Text)
	}
	for _, d := range prog.Dials() {
		u.Pressure = d
		if v := r.Run(t.Context(), u, nil); v.Verdict != judge.Fail {
			t.Errorf("%s: %s %s", d, v.Verdict, v.Text)
		}
	}
}

func TestTheShareOfDirectEvidenceLeavesOutWhatWasNotTried(t *testing.T) {
	s := ShareOf([]Verdict{
		{Verdict: judge.OK, Direct: true}, {Verdict: judge.OK}, {Verdict: judge.Unexercised}, {Verdict: judge.Fail, Direct: true}, {Verdict: judge.Unsupported},
	})
	if s != (Share{OK: 2, Direct: 1, Unexercised: 1, Tried: 4}) || !strings.Contains(s.String(), "1 of 2 (50.0%)") || !strings.Contains(s.String(), "1 of 4 (25.0%)") {
		t.Errorf("%+v: %s", s, s)
	}
	if none := ShareOf([]Verdict{{Verdict: judge.Unsupported}}).String(); none != "" {
		t.Errorf("nothing was tried: %s", none)
	}
}

// A block that is larger than a page is a folio that cannot be reclaimed while it is locked: the limit leaves room for it, for the one that
// pushes it out, and for what the hog takes.
func TestBlocksLargerThanPagesFitTheLimitTheyAreHeldUnder(t *testing.T) {
	units, err := Plan(cases.Catalogue(), Selection{FS: []string{"xfs/16k"}, Cases: []string{"foliolock/read-against-truncate"}})
	if err != nil {
		t.Fatal(err)
	}
	r := &Runner{Target: model.New(model.Config{Release: DefaultRelease}), Budget: 50}
	good := 0
	for _, u := range UnderPressure(units, prog.DialHog) {
		switch v := r.Run(t.Context(), u, nil); v.Verdict {
		case judge.OK:
			good++
		case judge.Unsupported:
		default:
			t.Errorf("%s: %s %s", u.Name(), v.Verdict, v.Text)
		}
	}
	if good < 2 {
		t.Errorf("%d of %d are ok", good, len(units))
	}
}
