package campaign

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/iomapcheck/iomapcheck/cases"
	"github.com/iomapcheck/iomapcheck/harness/fsys"
	"github.com/iomapcheck/iomapcheck/harness/history"
	"github.com/iomapcheck/iomapcheck/harness/judge"
	"github.com/iomapcheck/iomapcheck/harness/prog"
	"github.com/iomapcheck/iomapcheck/harness/target"
	"github.com/iomapcheck/iomapcheck/harness/target/model"
)

// catalogue has a case with two variants and two with one.
func catalogue() []prog.Case {
	one := []prog.Variant{{}}
	return []prog.Case{
		{ID: "coherence/one", Variants: one}, {ID: "fallback/two", Variants: one},
		{ID: "progress/truncate-waits-for-dio", Variants: []prog.Variant{{Name: "aio"}, {Name: "sync"}}},
	}
}

func TestSelectionsPickByGlobParametersAndFileSystem(t *testing.T) {
	for _, c := range []struct {
		sel  Selection
		want int
	}{
		{Selection{}, 16},
		{Selection{Cases: []string{"fallback/*"}, FS: []string{"xfs"}}, 1},
		{Selection{Cases: []string{"progress/*~aio"}, FS: []string{"xfs", "btrfs/nodatasum"}}, 2},
		{Selection{Cases: []string{"progress/truncate-waits-for-dio"}, FS: []string{"xfs"}}, 2},
	} {
		units, err := Plan(catalogue(), c.sel)
		if err != nil || len(units) != c.want {
			t.Errorf("%+v: %d units, %v; want %d", c.sel, len(units), err, c.want)
		}
	}
	for _, sel := range []Selection{{Cases: []string{"nothing/*"}}, {FS: []string{"fat"}}, {Cases: []string{"["}}} {
		if units, err := Plan(catalogue(), sel); err == nil {
			t.Errorf("%+v picked %d units; want an error", sel, len(units))
		}
	}
}

func TestUnitNamesAreReadBack(t *testing.T) {
	catalogue := cases.Catalogue() // once: to make the programs takes longer than to look for one
	units, err := Plan(catalogue, Selection{})
	if err != nil {
		t.Fatal(err)
	}
	for _, u := range units {
		again, err := ParseName(catalogue, u.Name())
		if err != nil || again.Name() != u.Name() {
			t.Errorf("%s: read back as %s, %v", u.Name(), again.Name(), err)
		}
	}
	for _, name := range []string{"", "x@xfs", "coherence/post-write-invalidation", "coherence/post-write-invalidation@fat"} {
		if _, err := ParseName(cases.Catalogue(), name); err == nil {
			t.Errorf("%q was taken for a unit", name)
		}
	}
}

func TestAQuickSelectionLeavesOutWhatIsForTheNight(t *testing.T) {
	many := prog.Case{ID: "coherence/many", Variants: []prog.Variant{{Name: "day"}, {Name: "night", Nightly: true}}}
	all, err := Plan([]prog.Case{many}, Selection{FS: []string{"xfs"}})
	if err != nil || len(all) != 2 {
		t.Errorf("%d units, %v; want both", len(all), err)
	}
	quick, err := Plan([]prog.Case{many}, Selection{FS: []string{"xfs"}, Quick: true})
	if err != nil || len(quick) != 1 || quick[0].Variant.Name != "day" {
		t.Errorf("quick: %v, %v", quick, err)
	}
	_, err = Plan([]prog.Case{many}, Selection{FS: []string{"xfs"}, Cases: []string{"coherence/many~night"}, Quick: true})
	if err == nil || !strings.Contains(err.Error(), "is nightly") {
		t.Errorf("a quick selection of nothing else: %v", err)
	}
}

// rowUnit is a unit whose case has the rows.
func rowUnit(t *testing.T, rows ...prog.Row) Unit {
	t.Helper()
	spec, err := fsys.Parse("btrfs")
	if err != nil {
		t.Fatal(err)
	}
	v := prog.Variant{Name: "v", Program: prog.New(prog.Read("f", 0, 4096).As("r")).Witness(prog.WhileHeld("r"))}
	return Unit{Case: prog.Case{ID: "t/c", Rows: rows}, Variant: v, FS: spec}
}

func TestTheFirstRowThatFitsCounts(t *testing.T) {
	late := prog.Row{FS: []string{"btrfs"}, Since: "6.12", Before: "7.3", Why: "late"}
	early := prog.Row{FS: []string{"btrfs"}, Why: "early"}
	other := prog.Row{FS: []string{"btrfs/nodatasum"}, Why: "other"}
	engine := prog.Row{Target: "refengine", Why: "engine"}
	for release, want := range map[string]string{"6.12.117+deb12-amd64": "late", "6.11": "early", "6.12-rc7": "early", "7.3-rc7": "late", "7.3": "early", "7.2.13": "late"} {
		_, row, err := rowUnit(t, other, engine, late, early).program("vm", release)
		if err != nil || row == nil || row.Why != want {
			t.Errorf("%s: row %+v, %v; want %s", release, row, err, want)
		}
	}
	if _, row, err := rowUnit(t, other, late).program("vm", "6.1.0"); row != nil || err != nil {
		t.Errorf("no row fits: got %+v, %v", row, err)
	}
	if _, row, _ := rowUnit(t, other, engine).program("refengine", "6.12"); row == nil || row.Why != "engine" {
		t.Errorf("the engine's row: got %+v", row)
	}
}

// oneAnswer is a target that gives it.
type oneAnswer struct {
	err error
	h   *history.History
}

func (oneAnswer) Name() string    { return "vm" }
func (oneAnswer) Release() string { return "6.12" }
func (oneAnswer) Close()          {}
func (s oneAnswer) Run(_ context.Context, _ target.Job, more func(target.Execution) bool) error {
	if s.h != nil {
		more(target.Execution{History: s.h, Console: "console\n", Extra: map[string]string{"extra.txt": "x"}})
	}
	return s.err
}

func TestFaultsOfOursAreInfraAndUnsupportedKeepsItsReason(t *testing.T) {
	u := rowUnit(t)
	for _, c := range []struct {
		err  error
		want judge.Verdict
		text string
	}{
		{errors.New("no room on the disk\nand a second line"), judge.Infra, "no room on the disk"},
		{target.Unsupported("this kernel has no %s", "btrfs"), judge.Unsupported, "this kernel has no btrfs"},
	} {
		r := Runner{Target: oneAnswer{err: c.err}, Runs: t.TempDir()}
		v := r.Run(t.Context(), u, nil)
		if v.Verdict != c.want || v.Text != c.text {
			t.Errorf("%v: %s %q", c.err, v.Verdict, v.Text)
		}
	}
}

func TestEvidenceIsKeptWhole(t *testing.T) {
	r := Runner{Target: model.New(model.Config{Release: "6.12"}), Runs: t.TempDir(), Budget: 3, Mutants: []string{"dio-skip-post-invalidate"}}
	units, err := Plan(cases.Catalogue(), Selection{Cases: []string{"coherence/*"}, FS: []string{"xfs"}})
	if err != nil {
		t.Fatal(err)
	}
	v := r.Run(t.Context(), units[0], nil)
	if v.Verdict != judge.Fail || v.Rule != judge.RuleCoherence {
		t.Errorf("verdict %s %s", v.Verdict, v.Rule)
	}
	for name, want := range map[string]string{
		"program.txt": "hold writes f 0 64k", "history.txt": "held", "history.jsonl": `"target":"refengine"`,
		"replay.txt": "iomapcheck replay t2.", "verdict.json": `"verdict": "fail"`,
	} {
		text, err := os.ReadFile(filepath.Join(v.Evidence, name))
		if err != nil || !strings.Contains(string(text), want) {
			t.Errorf("%s lacks %q: %v", name, want, err)
		}
	}
	// The stored history is judged the same again.
	f, err := os.Open(filepath.Join(v.Evidence, "history.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	h, err := history.Read(f)
	if err != nil {
		t.Fatal(err)
	}
	if again := judge.Judge(units[0].Variant.Program, h); again.Verdict != v.Verdict || again.Rule != v.Rule {
		t.Errorf("judged again: %s", again.Summary())
	}
}

func TestEvidenceThatCannotBeKeptMakesAGoodVerdictInfraAndLeavesABadOne(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	units, err := Plan(cases.Catalogue(), Selection{Cases: []string{"coherence/*"}, FS: []string{"xfs"}})
	if err != nil {
		t.Fatal(err)
	}
	for mutant, want := range map[string]judge.Verdict{"": judge.Infra, "dio-skip-post-invalidate": judge.Fail} {
		r := Runner{Target: model.New(model.Config{Release: "6.12"}), Runs: file, Budget: 3}
		if mutant != "" {
			r.Mutants = []string{mutant}
		}
		if v := r.Run(t.Context(), units[0], nil); v.Verdict != want || v.Evidence != "" {
			t.Errorf("with mutant %q: %s, evidence %q", mutant, v.Verdict, v.Evidence)
		}
	}
}

func TestTableShowsEveryCellAndExplainsWhatIsNotGood(t *testing.T) {
	got := Table([]Verdict{
		{Case: "a/b", Target: "vm", Kernel: "6.12", FS: "xfs", Verdict: judge.OK},
		{Case: "a/b", Target: "vm", Kernel: "6.12", FS: "btrfs", Variant: "nodatasum", Verdict: judge.Fail, Text: "bytes differ", Replay: "DIR", Evidence: "DIR"},
		{Case: "a/c", Parameters: map[string]string{"variant": "aio"}, Target: "vm", Kernel: "6.12", FS: "xfs", Verdict: judge.Unsupported, Text: "no aio"},
	})
	want := `vm 6.12  btrfs/nodatasum  xfs
a/b      fail             ok
a/c~aio  -                unsupported

fail a/b on btrfs/nodatasum, vm 6.12: bytes differ
    replay:   iomapcheck replay DIR
    evidence: DIR
unsupported a/c~aio on xfs, vm 6.12: no aio
`
	if got != want {
		t.Errorf("got\n%s", got)
	}
}
