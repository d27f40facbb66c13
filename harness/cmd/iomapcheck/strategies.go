package main

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/iomapcheck/iomapcheck/harness/campaign"
	"github.com/iomapcheck/iomapcheck/harness/target/model"
)

// strategySeeds is with how many seeds a strategy is tried; odd, so that the median is one of them.
const strategySeeds = 5

// trial is how one strategy does against one mutant, by the case that catches the mutant soonest.
type trial struct {
	Mutant   string `json:"mutant"`
	Case     string `json:"case"`
	FS       string `json:"fs"`
	Strategy string `json:"strategy"`
	// Median is of the executions to detection over the seeds, 0 where fewer than half of them detected it in the budget.
	Median int `json:"median"`
	// Found is how many of Seeds seeds detected it.
	Found int `json:"found"`
	Seeds int `json:"seeds"`

	unit campaign.Unit
}

// trials are every mutant that is caught × every strategy.
func (m *matrix) trials() []trial {
	var out []trial
	for _, name := range m.mutants {
		best := m.soonest(name)
		if best < 0 {
			continue
		}
		_, u := m.at(best)
		for _, s := range model.Strategies() {
			out = append(out, trial{Mutant: name, Case: u.CaseName(), FS: u.FS.String(), Strategy: s, Seeds: strategySeeds, unit: u})
		}
	}
	return out
}

// soonest is the cell that detects the mutant after the fewest executions, -1 where none does.
func (m *matrix) soonest(name string) int {
	best := -1
	for i, c := range m.cells {
		if c.Mutant == name && c.Detected && (best < 0 || c.Executions < m.cells[best].Executions) {
			best = i
		}
	}
	return best
}

// tryStrategies tries each strategy on each mutant with several seeds.
func (m *matrix) tryStrategies(ctx context.Context, jobs int, p *progress) ([]trial, error) {
	list := m.trials()
	err := sideBySide(ctx, jobs, len(list), func(ctx context.Context, i int) trial {
		p.set(fmt.Sprintf("[%d/%d] %s by %s", i+1, len(list), list[i].Mutant, list[i].Strategy))
		return m.try(ctx, list[i])
	}, func(i int, t trial) error {
		list[i] = t
		return nil
	})
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	return list, err
}

// try runs one trial. Evidence of it is not kept: the matrix has it.
func (m *matrix) try(ctx context.Context, t trial) trial {
	var executions []int
	for seed := range uint64(strategySeeds) {
		r := *m.runner
		r.Mutants, r.Runs, r.Strategy, r.Seed = []string{t.Mutant}, "", t.Strategy, m.runner.Seed+seed
		if d := newDetection(t.Mutant, r.Run(ctx, t.unit, nil)); d.Detected {
			executions = append(executions, d.Executions)
		}
	}
	t.Found = len(executions)
	t.Median = median(executions, strategySeeds)
	return t
}

// median is that of n numbers of which those not given are larger than any, 0 where it is one of these.
func median(found []int, n int) int {
	slices.Sort(found)
	if middle := n / 2; middle < len(found) {
		return found[middle]
	}
	return 0
}

// printTrials prints the detection table.
func (a *app) printTrials(list []trial, budget int, how format) error {
	if how == asJSON {
		for _, t := range list {
			if err := json.NewEncoder(a.out).Encode(t); err != nil {
				return fmt.Errorf("write the trials: %w", err)
			}
		}
		return nil
	}
	rows := [][]string{append([]string{"mutant", "case"}, model.Strategies()...)}
	for i := 0; i < len(list); i += len(model.Strategies()) {
		row := []string{list[i].Mutant, list[i].Case + " on " + list[i].FS}
		for _, t := range list[i : i+len(model.Strategies())] {
			row = append(row, t.cell(budget))
		}
		rows = append(rows, row)
	}
	return a.printRows(rows, how, fmt.Sprintf("median executions to detection over %d seeds", strategySeeds))
}

// cell is the median, or that more than the budget would be needed.
func (t trial) cell(budget int) string {
	if t.Median == 0 {
		return fmt.Sprintf("> %d (%d/%d)", budget, t.Found, t.Seeds)
	}
	return fmt.Sprint(t.Median)
}
