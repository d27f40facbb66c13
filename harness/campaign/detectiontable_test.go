package campaign

import (
	"fmt"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sync/errgroup"

	"github.com/iomapcheck/iomapcheck/cases"
	"github.com/iomapcheck/iomapcheck/harness/target/model"
	"github.com/iomapcheck/iomapcheck/refengine/mutant"
)

// detectionTable is linked from the README.
const detectionTable = "../../refengine/mutant/DETECTION.md"

// tableSeeds is how many seeds each strategy gets, tableBudget how many executions a seed.
const (
	tableSeeds  = 5
	tableBudget = 200
)

func TestTheDetectionTableHasEveryMutant(t *testing.T) {
	if *rewrite {
		writeTable(t)
	}
	text, err := os.ReadFile(detectionTable)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range readDetections(t) {
		if slices.Contains(mutant.Names(), d.mutant) && !strings.Contains(string(text), "| "+d.mutant+" | "+strings.ReplaceAll(d.unit, "@", " on ")+" |") {
			t.Errorf("%s, caught by %s, is not in %s: run go test ./harness/campaign -run Detect -args -rewrite", d.mutant, d.unit, detectionTable)
		}
	}
}

func writeTable(t *testing.T) {
	known := readDetections(t)
	rows := make([]string, len(known))
	var workers errgroup.Group
	workers.SetLimit(runtime.NumCPU())
	for i, d := range known {
		workers.Go(func() error {
			if slices.Contains(mutant.Names(), d.mutant) {
				rows[i] = d.row(t)
			}
			return nil
		})
	}
	_ = workers.Wait()
	head := "# Which case catches which bug, and how soon\n\n" +
		"Every mutant of the engine with a case that catches it, the release that the engine behaves like, the rule of the judge that fails, and the\n" +
		fmt.Sprintf("median of the executions to detection over %d seeds: with what a run does by itself (half of its budget depth-first with partial-order\n", tableSeeds) +
		fmt.Sprintf("reduction, then the rotation), and for each strategy alone. “>%d” is a strategy that needs more in most seeds. The table is written by\n", tableBudget) +
		"`go test ./harness/campaign -run Detect -args -rewrite`; a test holds that every mutant is caught.\n\n" +
		"| mutant | caught by | release | rule | by itself | " + strings.Join(model.Strategies(), " | ") + " |\n" +
		"|---|---|---|---|---" + strings.Repeat("|--:", len(model.Strategies())) + "|\n"
	text := head + strings.Join(slices.DeleteFunc(rows, func(r string) bool { return r == "" }), "")
	if err := os.WriteFile(detectionTable, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// row is the mutant's line.
func (d detection) row(t *testing.T) string {
	u, err := ParseName(cases.Catalogue(), d.unit)
	if err != nil {
		t.Error(err)
		return ""
	}
	line := fmt.Sprintf("| %s | %s | %s | %s |", d.mutant, strings.ReplaceAll(d.unit, "@", " on "), d.release, d.rule)
	for _, s := range append([]string{""}, model.Strategies()...) {
		line += " " + d.median(t, u, s) + " |"
	}
	return line + "\n"
}

// median is how many executions the strategy needs in the median of the seeds.
func (d detection) median(t *testing.T, u Unit, strategy string) string {
	var needed []int
	for seed := range uint64(tableSeeds) {
		r := d.runner(d.mutant)
		r.Strategy, r.Seed, r.Budget = strategy, seed+1, tableBudget
		v := r.Run(t.Context(), u, nil)
		if !caught(v) {
			v.Executions = tableBudget + 1
		}
		needed = append(needed, v.Executions)
	}
	slices.Sort(needed)
	if n := needed[len(needed)/2]; n <= tableBudget {
		return strconv.Itoa(n)
	}
	return fmt.Sprintf(">%d", tableBudget)
}
