package matrix

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/iomapcheck/iomapcheck/cases"
	"github.com/iomapcheck/iomapcheck/harness/campaign"
	"github.com/iomapcheck/iomapcheck/harness/fsys"
	"github.com/iomapcheck/iomapcheck/harness/judge"
	"github.com/iomapcheck/iomapcheck/harness/prog"
	"github.com/iomapcheck/iomapcheck/harness/runs"
	"github.com/iomapcheck/iomapcheck/vmimage/kernel"
)

func repositorys(t testing.TB) *Matrix {
	t.Helper()
	m, err := Default()
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func names(parts []Part) []string {
	var out []string
	for _, p := range parts {
		out = append(out, p.Name)
	}
	slices.Sort(out)
	return out
}

// A new theme, file system or setting of the dial must be placed somewhere, or nobody would ever run it.
func TestTheMatrixHasEveryThemeFileSystemAndPressureThereIs(t *testing.T) {
	m := repositorys(t)
	themes := map[string]bool{}
	for _, c := range cases.Catalogue() {
		themes[c.Theme()] = true
	}
	systems := map[string]bool{}
	for _, s := range fsys.All() {
		systems[s.String()] = true
	}
	dials := map[string]bool{"none": true}
	for _, d := range prog.Dials() {
		dials[string(d)] = true
	}
	for axis, c := range map[string]struct {
		parts []Part
		want  map[string]bool
	}{"themes": {m.Themes, themes}, "file-systems": {m.FileSystems, systems}, "pressure": {m.Pressure, dials}} {
		if got, want := names(c.parts), slices.Sorted(maps.Keys(c.want)); !slices.Equal(got, want) {
			t.Errorf("%s are\n%q, there are\n%q", axis, got, want)
		}
	}
	for _, k := range m.Kernels {
		release, engine := (Cell{Kernel: k.Name}).Engine()
		if !engine {
			release, _ = strings.CutPrefix(k.Name, "debian:")
		}
		if _, err := kernel.ParseVersion(release); err != nil {
			t.Errorf("%s: %v", k.Name, err)
		}
	}
}

func TestEachLevelHasWhatTheOnesBeforeItHave(t *testing.T) {
	m := repositorys(t)
	var before []Cell
	for _, l := range m.Levels {
		cells, err := m.Cells(l.Name)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range before {
			if !slices.Contains(cells, c) {
				t.Errorf("%s lacks %s", l.Name, c)
			}
		}
		if len(cells) <= len(before) {
			t.Errorf("%s has %d cells, the level before it %d", l.Name, len(cells), len(before))
		}
		before = cells
	}
}

func TestOnlyBoundsWhatAPartIsCombinedWith(t *testing.T) {
	cells, err := repositorys(t).Cells("weekly")
	if err != nil {
		t.Fatal(err)
	}
	bcachefs, short := 0, 0
	for _, c := range cells {
		if c.FS == "bcachefs" {
			bcachefs++
			if !strings.HasSuffix(c.Kernel, ":6.12") {
				t.Errorf("%s", c)
			}
		}
		if c.Pressure == "hog" {
			short++
			if strings.Contains(c.FS, "/") || c.Kernel == "debian:6.1" {
				t.Errorf("%s", c)
			}
		}
	}
	if bcachefs == 0 || short == 0 {
		t.Errorf("%d cells of bcachefs, %d under a hog", bcachefs, short)
	}
}

const small = `
levels: [{name: quick, budget: 1, shard-minutes: 1, shards: 1, jobs: 1}, {name: nightly, budget: 1, shard-minutes: 1, shards: 1, jobs: 1}]
kernels: [{name: "debian:6.12", from: quick}]
file-systems: [{name: xfs, from: quick}]
themes: [{name: fallback, from: quick}]
pressure: [{name: none, from: quick}]
`

func TestAMatrixThatMeansNothingSaysWhereAndWhy(t *testing.T) {
	if _, err := Parse(strings.NewReader(small)); err != nil {
		t.Fatal(err)
	}
	for change, want := range map[[2]string]string{
		{"from: quick}]\nthemes", "form: quick}]\nthemes"}:                                     "line 4: field form not found",
		{"{name: xfs, from: quick}", "{name: xfs, from: often}"}:                               `file-systems: xfs: from: level "often": there are quick, nightly`,
		{"{name: xfs, from: quick}", "{name: xfs, from: quick, only: {themes: [x]}}"}:          "only: there is no x",
		{"[{name: xfs, from: quick}]", "[{name: xfs, from: quick}, {name: xfs, from: quick}]"}: "xfs is there twice",
		{"{name: quick, budget: 1,", "{name: quick,"}:                                          `level "quick"`,
		{"[{name: none, from: quick}]", "[]"}:                                                  "pressure: there are none",
	} {
		text := strings.Replace(small, change[0], change[1], 1)
		if text == small {
			t.Fatalf("%q is not in the matrix", change[0])
		}
		if _, err := Parse(strings.NewReader(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want …%s…", change[1], err, want)
		}
	}
}

func TestCellsSurviveTheirText(t *testing.T) {
	cells, err := repositorys(t).Cells("weekly")
	if err != nil {
		t.Fatal(err)
	}
	again, err := ParseCells(Join(cells))
	if err != nil || !slices.Equal(again, cells) {
		t.Errorf("%d cells became %d: %v", len(cells), len(again), err)
	}
	for _, text := range []string{"", "debian:6.12@xfs@fallback", "debian:6.12@@fallback@none"} {
		if _, err := ParseCells(text); err == nil {
			t.Errorf("%q is no cell", text)
		}
	}
}

func TestEveryCellHasUnitsOrSaysWhatIsWrongWithIt(t *testing.T) {
	cells, err := repositorys(t).Cells("smoke")
	if err != nil {
		t.Fatal(err)
	}
	catalogue := cases.Catalogue()
	for _, c := range cells {
		if units, err := c.Units(catalogue, true); err != nil || len(units) == 0 {
			t.Errorf("%s: %d units, %v", c, len(units), err)
		}
	}
	for text, want := range map[string]string{
		"debian:6.12@xfs@nothing@none": "no case has that theme", "debian:6.12@ntfs@fallback@none": "ntfs", "debian:6.12@xfs@fallback@some": "memory pressure",
	} {
		bad, err := ParseCells(text)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := bad[0].Units(catalogue, true); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v", text, err)
		}
	}
}

func TestTimesAreTheNewestOnesAndTheUsualOneWhereNoneIsKnown(t *testing.T) {
	catalogue := cases.Catalogue()
	cell := Cell{"debian:6.12", "xfs", "fallback", "none"}
	units, err := cell.Units(catalogue, false)
	if err != nil {
		t.Fatal(err)
	}
	took := func(seconds float64) runs.Run {
		u := units[0]
		return runs.Run{Verdicts: []campaign.Verdict{{
			Case: u.Case.ID, Parameters: map[string]string{"variant": u.Variant.Name}, Target: "vm", Kernel: "6.12.117", KernelSpec: "debian:6.12", FS: "xfs",
			Verdict: judge.OK, Seconds: seconds, Executions: 1,
		}}}
	}
	got, err := PastOf([]runs.Run{took(9), took(3)}).Seconds(cell, catalogue, false)
	// The usual time is the middle of 3 and 9, the upper one; the first unit's own is 3.
	if want := 3 + 9*float64(len(units)-1); err != nil || got != want {
		t.Errorf("%v seconds, want %v: %v", got, want, err)
	}
	if got, err := PastOf(nil).Seconds(cell, catalogue, false); err != nil || got != machineGuess*float64(len(units)) {
		t.Errorf("without a past: %v, %v", got, err)
	}
}

// every draws cells with times.
func every(t *rapid.T) ([]Cell, map[Cell]float64) {
	var cells []Cell
	took := map[Cell]float64{}
	for k := range rapid.IntRange(1, 5).Draw(t, "kernels") {
		for f := range rapid.IntRange(1, 8).Draw(t, "file systems") {
			for theme := range rapid.IntRange(1, 6).Draw(t, "themes") {
				kernel := fmt.Sprint("debian:", k)
				if k == 0 {
					kernel = "refengine:6.12"
				}
				c := Cell{kernel, fmt.Sprint("fs", f), fmt.Sprint("theme", theme), "none"}
				cells = append(cells, c)
				took[c] = rapid.Float64Range(0, 300).Draw(t, "seconds")
			}
		}
	}
	return cells, took
}

func TestShardsHaveEveryCellOnceAndTakeEquallyLong(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cells, took := every(t)
		n := rapid.IntRange(1, 12).Draw(t, "shards")
		shards := Split(cells, func(c Cell) float64 { return took[c] }, n)
		var all []Cell
		sum, longest := 0.0, 0.0
		for _, c := range cells {
			longest = max(longest, took[c])
		}
		for _, s := range shards {
			all = append(all, s.Cells...)
			sum += s.Seconds
			if len(s.Cells) == 0 {
				t.Error("a shard is empty")
			}
		}
		if !slices.Equal(all, cells) || len(shards) > n {
			t.Errorf("%d shards have %d cells, there are %d", len(shards), len(all), len(cells))
		}
		for _, s := range shards {
			if most := sum/float64(n) + longest + 2*(kernelSetUp+systemSetUp); s.Seconds > most {
				t.Errorf("a shard takes %.0f s, the mean is %.0f and the longest cell %.0f", s.Seconds, sum/float64(n), longest)
			}
		}
	})
}

// What the night really has: no job may take a quarter longer than the mean.
func TestTheNightsJobsAreEven(t *testing.T) {
	m := repositorys(t)
	level, err := m.Level("nightly")
	if err != nil {
		t.Fatal(err)
	}
	cells, err := m.Cells("nightly")
	if err != nil {
		t.Fatal(err)
	}
	catalogue, past := cases.Catalogue(), PastOf(nil)
	took, sum := map[Cell]float64{}, 0.0
	for _, c := range cells {
		if took[c], err = past.Seconds(c, catalogue, level.Quick); err != nil {
			t.Fatal(err)
		}
	}
	shards := Split(cells, func(c Cell) float64 { return took[c] }, 16)
	for _, s := range shards {
		sum += s.Seconds
	}
	for _, s := range shards {
		if s.Seconds > 1.25*sum/16 {
			t.Errorf("a job takes %.0f s, the mean is %.0f: %s", s.Seconds, sum/16, Join(s.Cells))
		}
	}
	for _, j := range level.Plan(shards) {
		if j.Limit < 2*j.Minutes || !strings.HasSuffix(j.Shard, " of 16") || j.Name == "" {
			t.Errorf("job %+v", j)
		}
	}
}

func TestACellThatLacksAVerdictIsMissed(t *testing.T) {
	hole := prog.Case{ID: "fallback/hole", Variants: []prog.Variant{{Name: "one"}, {Name: "two"}, {Name: "night", Nightly: true}}}
	verdict := func(v campaign.Verdict, variant, pressure string) campaign.Verdict {
		v.Case, v.Parameters = hole.ID, map[string]string{"variant": variant}
		if pressure != "" {
			v.Parameters["pressure"] = pressure
		}
		return v
	}
	engine := campaign.Verdict{Target: "refengine", Kernel: "6.12", FS: "xfs"}
	vm := campaign.Verdict{Target: "vm", Kernel: "6.12.117", KernelSpec: "debian:6.12", FS: "xfs", Variant: "1k"}
	whole, none, part, other := Cell{"refengine:6.12", "xfs", "fallback", "none"}, Cell{"debian:6.12", "xfs", "fallback", "none"},
		Cell{"debian:6.12", "xfs/1k", "fallback", "max"}, Cell{"debian:6.12", "xfs/1k", "fallback", "none"}
	cells := []Cell{whole, none, part, other}
	verdicts := []campaign.Verdict{
		verdict(engine, "one", ""), verdict(engine, "two", ""), verdict(vm, "one", "max"), verdict(vm, "one", ""), verdict(vm, "two", ""),
	}
	for _, tt := range []struct {
		quick bool
		want  []Cell
	}{{true, []Cell{none, part}}, {false, cells}} {
		if got, err := Missing(cells, []prog.Case{hole}, tt.quick, verdicts); err != nil || !slices.Equal(got, tt.want) {
			t.Errorf("quick %v: missing %v, want %v: %v", tt.quick, got, tt.want, err)
		}
	}
	if _, err := Missing([]Cell{{"debian:6.12", "xfs", "nothing", "none"}}, []prog.Case{hole}, true, nil); err == nil {
		t.Error("a cell of no theme is not missed")
	}
}
