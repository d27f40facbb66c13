package campaign

import (
	"bufio"
	"flag"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sync/errgroup"

	"github.com/iomapcheck/iomapcheck/cases"
	"github.com/iomapcheck/iomapcheck/harness/fsys"
	"github.com/iomapcheck/iomapcheck/harness/judge"
	"github.com/iomapcheck/iomapcheck/harness/target/model"
	"github.com/iomapcheck/iomapcheck/refengine/mutant"
)

var rewrite = flag.Bool("rewrite", false, "search for a detection of every mutant and write testdata/detection.txt anew")

// detection is where a mutant was caught.
type detection struct {
	mutant, unit, release string
	rule                  judge.Rule
}

const detections = "testdata/detection.txt"

func TestEveryMutantIsCaughtByTheRuleOfACaseThatIsCleanWithoutIt(t *testing.T) {
	if *rewrite {
		search(t)
	}
	known := readDetections(t)
	for _, name := range mutant.Names() {
		i := slices.IndexFunc(known, func(d detection) bool { return d.mutant == name })
		if i < 0 {
			t.Errorf("%s is caught by no case", name)
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := known[i]
			u, err := ParseName(cases.Catalogue(), d.unit)
			if err != nil {
				t.Fatal(err)
			}
			if v := d.runner(name).Run(t.Context(), u, nil); !caught(v) || v.Rule != d.rule {
				t.Errorf("%s on %s: %s %s (%s), want a failure of rule %s", name, d.unit, v.Verdict, v.Rule, v.Text, d.rule)
			}
			if v := d.runner().Run(t.Context(), u, nil); v.Verdict != judge.OK {
				t.Errorf("%s without the mutant: %s %s", d.unit, v.Verdict, v.Text)
			}
		})
	}
}

// caught says whether a rule of the judge found the mutant; what breaks the engine itself does not count.
func caught(v Verdict) bool {
	return v.Verdict == judge.Fail || v.Verdict == judge.Hang || v.Verdict == judge.Crash
}

func (d detection) runner(mutants ...string) *Runner {
	return &Runner{Target: model.New(model.Config{Release: d.release}), Mutants: mutants}
}

func readDetections(t *testing.T) []detection {
	t.Helper()
	f, err := os.Open(detections)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var list []detection
	for lines := bufio.NewScanner(f); lines.Scan(); {
		fields := strings.Fields(lines.Text())
		if len(fields) != 4 {
			t.Fatalf("%s: %q: want mutant, unit, release and rule", detections, lines.Text())
		}
		list = append(list, detection{fields[0], fields[1], fields[2], judge.Rule(fields[3])})
	}
	return list
}

// search finds a detection for every mutant that has no valid one, and writes them down.
func search(t *testing.T) {
	if os.Getenv("CI") != "" {
		t.Fatal("CI does not rewrite what it checks")
	}
	known, units := readDetections(t), everywhere(t)
	found := make([]*detection, len(mutant.Names()))
	var workers errgroup.Group
	workers.SetLimit(runtime.NumCPU())
	for i, name := range mutant.Names() {
		workers.Go(func() error {
			found[i] = searchOne(t, name, known, units)
			return nil
		})
	}
	_ = workers.Wait()
	var b strings.Builder
	for i, d := range found {
		if d == nil {
			t.Logf("%s: not caught", mutant.Names()[i])
			continue
		}
		fmt.Fprintf(&b, "%-32s %-60s %-5s %s\n", d.mutant, d.unit, d.release, d.rule)
	}
	if err := os.WriteFile(detections, []byte(b.String()), 0o644); err != nil {
		t.Fatal(err)
	}
}

// everywhere is every case on every file system of the engine.
func everywhere(t *testing.T) []Unit {
	t.Helper()
	var all []string
	for _, s := range fsys.All() {
		all = append(all, s.String())
	}
	units, err := Plan(cases.Catalogue(), Selection{FS: all})
	if err != nil {
		t.Fatal(err)
	}
	return units
}

// searchOne looks for a unit that catches the mutant, first where its name points to.
func searchOne(t *testing.T, name string, known []detection, units []Unit) *detection {
	for _, d := range known {
		if u, err := ParseName(cases.Catalogue(), d.unit); d.mutant == name && err == nil && d.finds(t, u, 200) {
			return &d
		}
	}
	area, _, _ := strings.Cut(name, "-")
	likely := slices.Clone(units)
	slices.SortStableFunc(likely, func(a, b Unit) int { return distance(area, a) - distance(area, b) })
	for _, budget := range []int{8, 200} {
		for _, release := range []string{"6.12", "7.2", "6.1", "5.10"} {
			for _, u := range likely {
				if d := (detection{name, u.Name(), release, ""}); d.finds(t, u, budget) && d.finds(t, u, 200) {
					return &d
				}
			}
		}
	}
	return nil
}

// distance is 0 for a unit on a file system that has the mutant's first word in its name.
func distance(area string, u Unit) int {
	if strings.Contains(u.FS.String(), area) {
		return 0
	}
	return 1
}

// finds says whether the unit catches the mutant and is clean without it, and notes the rule.
func (d *detection) finds(t *testing.T, u Unit, budget int) bool {
	with, without := d.runner(d.mutant), d.runner()
	with.Budget = budget
	v := with.Run(t.Context(), u, nil)
	if !caught(v) {
		return false
	}
	d.rule = v.Rule
	return without.Run(t.Context(), u, nil).Verdict == judge.OK
}
