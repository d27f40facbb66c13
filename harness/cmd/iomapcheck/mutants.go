package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"sync"

	"github.com/spf13/cobra"

	"github.com/iomapcheck/iomapcheck/cases"
	"github.com/iomapcheck/iomapcheck/harness/campaign"
	"github.com/iomapcheck/iomapcheck/harness/judge"
	"github.com/iomapcheck/iomapcheck/refengine/mutant"
)

// detection is a cell of the matrix mutant × case, as mutants --json prints it.
type detection struct {
	Mutant     string            `json:"mutant"`
	Case       string            `json:"case"`
	Parameters map[string]string `json:"parameters"`
	FS         string            `json:"fs"`
	Variant    string            `json:"variant"`
	// Detected says that a rule of the judge failed with the mutant and none fails without it.
	Detected   bool          `json:"detected"`
	Rule       judge.Rule    `json:"rule"`
	Executions int           `json:"executions"`
	Verdict    judge.Verdict `json:"verdict"`
	Text       string        `json:"text"`
	Replay     string        `json:"replay"`
	Evidence   string        `json:"evidence"`
}

// mutantsFlags are the flags of mutants.
type mutantsFlags struct {
	targetFlags
	engineFlags
	mutants                                    []string
	json, markdown, strategies, summary, first bool
}

// check finds what cannot be wanted together.
func (f *mutantsFlags) check() error {
	if f.json && f.markdown {
		return errors.New("--json --markdown: want one of them")
	}
	_, err := mutant.Parse(f.mutants...)
	return err
}

// format is how the flags want the tables.
func (f *mutantsFlags) format() format {
	switch {
	case f.json:
		return asJSON
	case f.markdown:
		return asMarkdown
	}
	return asText
}

func (a *app) mutants() *cobra.Command {
	f := &mutantsFlags{}
	cmd := &cobra.Command{
		Use: "mutants", Short: "switches on the engine's historic bugs one by one and prints which case catches which",
		Long: `mutants runs every selected case with each of the engine's historic bugs: the matrix mutant × case, with the rule that caught
the mutant and after how many executions. A mutant counts as caught only by a rule of the judge (verdict fail, hang or crash), and
only where the same case is clean without the mutant.

With --strategies each mutant that is caught is then given to each of the engine's strategies alone, with several seeds, on the case
that caught it soonest: the table has the median of the executions to detection.

A mutant belongs to a path or a file system, and most cases cannot catch it. With --first a mutant that is caught is not tried on
further cases, and --summary prints a line a mutant.

Exit codes: 0 every mutant is caught by at least one case, 1 some mutant is caught by none.`,
		Args: cobra.NoArgs,
		Example: `  iomapcheck mutants
  iomapcheck mutants --case 'fallback/*' --fs xfs
  iomapcheck mutants --fs xfs --strategies --markdown
  iomapcheck mutants --json | jq -r 'select(.detected) | [.mutant, .case, .fs, .executions] | @tsv'`,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.runMutants(cmd.Context(), f) },
	}
	f.registerRelease(cmd)
	f.engineFlags.register(cmd)
	cmd.Flags().BoolVar(&f.json, "json", false, "one JSON object a mutant, case and file system")
	cmd.Flags().StringSliceVar(&f.mutants, "mutant", nil, "only these; default all")
	cmd.Flags().BoolVar(&f.first, "first", false, "leave further cases out once one has caught a mutant")
	cmd.Flags().BoolVar(&f.summary, "summary", false, "a line a mutant: how many cases caught it, and which did soonest")
	cmd.Flags().BoolVar(&f.markdown, "markdown", false, "tables in Markdown")
	cmd.Flags().BoolVar(&f.strategies, "strategies", false, "also a table mutant × strategy: how soon each strategy detects each mutant")
	return cmd
}

func (a *app) runMutants(ctx context.Context, f *mutantsFlags) error {
	units, err := f.plan(cases.Catalogue())
	for _, check := range []error{err, f.check(), f.targetFlags.check(), f.engineFlags.check()} {
		if check != nil {
			return usage(check)
		}
	}
	p := newProgress(a.errOut)
	defer p.close()
	runner, err := a.runner(ctx, "refengine", f.targetFlags, p)
	if err != nil {
		return err
	}
	defer runner.Target.Close()
	runner.Seed, runner.Budget = f.seed, f.budget
	m := newMatrix(runner, units, f.mutants)
	m.first = f.first
	if err := m.run(ctx, f.workers("refengine"), p); err != nil {
		return err
	}
	var trials []trial
	if f.strategies {
		if trials, err = m.tryStrategies(ctx, f.workers("refengine"), p); err != nil {
			return err
		}
	}
	p.close()
	if err := a.printMatrix(m, f.format(), f.summary); err != nil || !f.strategies {
		return err
	}
	return a.printTrials(trials, f.budget, f.format())
}

// matrix is mutant × unit, a cell for each, by mutant.
type matrix struct {
	runner  *campaign.Runner
	mutants []string
	units   []campaign.Unit
	cells   []detection
	// first leaves cells out once their mutant is caught.
	first bool
	mu    sync.Mutex // guards cells while they are filled
}

func newMatrix(r *campaign.Runner, units []campaign.Unit, mutants []string) *matrix {
	if len(mutants) == 0 {
		mutants = mutant.Names()
	}
	m := &matrix{runner: r, mutants: mutants, units: units}
	m.cells = make([]detection, len(m.mutants)*len(m.units))
	return m
}

// at tells a cell's mutant and unit.
func (m *matrix) at(cell int) (string, campaign.Unit) {
	return m.mutants[cell/len(m.units)], m.units[cell%len(m.units)]
}

// with is the runner with mutants switched on; its evidence has a folder of its own, so that cells do not overwrite each other.
func (m *matrix) with(folder string, mutants ...string) *campaign.Runner {
	r := *m.runner
	r.Mutants, r.Runs = mutants, filepath.Join(m.runner.Runs, folder)
	return &r
}

// run fills the cells, and then takes back detections of cases that fail without the mutant too.
func (m *matrix) run(ctx context.Context, jobs int, p *progress) error {
	err := sideBySide(ctx, jobs, len(m.cells), func(ctx context.Context, i int) campaign.Verdict {
		name, u := m.at(i)
		if m.first && m.caught(name) {
			return m.leftOut(u)
		}
		p.set(fmt.Sprintf("[%d/%d] %s: %s", i+1, len(m.cells), name, u.Name()))
		return m.with(name, name).Run(ctx, u, nil)
	}, func(i int, v campaign.Verdict) error {
		name, _ := m.at(i)
		m.mu.Lock()
		defer m.mu.Unlock()
		m.cells[i] = newDetection(name, v)
		return nil
	})
	if err == nil {
		err = m.compare(ctx, jobs, p)
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

func newDetection(name string, v campaign.Verdict) detection {
	return detection{
		Mutant: name, Case: v.Case, Parameters: v.Parameters, FS: v.FS, Variant: v.Variant,
		Detected: caught(v.Verdict), Rule: v.Rule, Executions: v.Executions,
		Verdict: v.Verdict, Text: v.Text, Replay: v.Replay, Evidence: v.Evidence,
	}
}

// caught says whether a verdict counts: a rule of the judge failed, also the one about what the kernel's log says.
func caught(v judge.Verdict) bool { return v == judge.Fail || v == judge.Hang || v == judge.Crash }

// leftOut stands for a cell that was not tried.
func (m *matrix) leftOut(u campaign.Unit) campaign.Verdict {
	return campaign.Verdict{
		Case: u.Case.ID, Parameters: map[string]string{"variant": u.Variant.Name}, FS: u.FS.Name(), Variant: u.FS.VariantName(),
		Verdict: judge.Unexercised, Text: "left out: another case has caught the mutant",
	}
}

// compare runs the units that detected something on the engine without a mutant.
func (m *matrix) compare(ctx context.Context, jobs int, p *progress) error {
	var units []int
	for u := range m.units {
		for i := u; i < len(m.cells); i += len(m.units) {
			if m.cells[i].Detected {
				units = append(units, u)
				break
			}
		}
	}
	return sideBySide(ctx, jobs, len(units), func(ctx context.Context, i int) campaign.Verdict {
		u := m.units[units[i]]
		p.set(fmt.Sprintf("[%d/%d] without a mutant: %s", i+1, len(units), u.Name()))
		return m.with("unmutated").Run(ctx, u, nil)
	}, func(i int, v campaign.Verdict) error {
		m.takeBack(units[i], v)
		return nil
	})
}

// takeBack makes detections by a unit none if the unit is not clean without a mutant.
func (m *matrix) takeBack(unit int, without campaign.Verdict) {
	if without.Verdict == judge.OK || without.Verdict == judge.Known || without.Verdict == judge.Unexercised {
		return
	}
	for i := unit; i < len(m.cells); i += len(m.units) {
		if m.cells[i].Detected {
			m.cells[i].Detected = false
			m.cells[i].Text = fmt.Sprintf("without a mutant it is %s too: %s", without.Verdict, without.Text)
		}
	}
}

// caught says whether at least one case catches the mutant.
func (m *matrix) caught(name string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, c := range m.cells {
		if c.Mutant == name && c.Detected {
			return true
		}
	}
	return false
}

// printMatrix prints the cells and, for people, the sum; the exit code is 1 where a mutant is caught by no case.
func (a *app) printMatrix(m *matrix, how format, summary bool) error {
	caught := 0
	for _, name := range m.mutants {
		if m.caught(name) {
			caught++
		} else {
			a.code = exitBad
		}
	}
	if how == asJSON {
		for _, c := range m.cells {
			if err := json.NewEncoder(a.out).Encode(c); err != nil {
				return fmt.Errorf("write the matrix: %w", err)
			}
		}
		return nil
	}
	rows := m.rows()
	if summary {
		rows = m.summary()
	}
	if how == asText {
		rows = rows[1:]
	}
	return a.printRows(rows, how, fmt.Sprintf("%d of %d mutants were caught by at least one case; evidence in %s", caught, len(m.mutants), m.runner.Runs))
}

// rows are the cells, a row each, under a head.
func (m *matrix) rows() [][]string {
	rows := [][]string{{"mutant", "case", "file system", "outcome"}}
	for _, c := range m.cells {
		rows = append(rows, []string{c.Mutant, c.name(), c.fs(), c.String()})
	}
	return rows
}

// summary is a row for each mutant, under a head.
func (m *matrix) summary() [][]string {
	rows := [][]string{{"mutant", "caught by", "soonest", "file system", "outcome"}}
	for _, name := range m.mutants {
		n := 0
		for _, c := range m.cells {
			if c.Mutant == name && c.Detected {
				n++
			}
		}
		row := []string{name, "none", "", "", ""}
		if best := m.soonest(name); best >= 0 {
			c := m.cells[best]
			row = []string{name, fmt.Sprintf("%d of %d", n, len(m.units)), c.name(), c.fs(), c.String()}
		}
		rows = append(rows, row)
	}
	return rows
}

// name is the case with its parameters.
func (c detection) name() string {
	return campaign.Verdict{Case: c.Case, Parameters: c.Parameters}.Name()
}

// fs is the file system with its variant.
func (c detection) fs() string { return campaign.Verdict{FS: c.FS, Variant: c.Variant}.FSName() }

// String says how the mutant was detected, or what came out instead.
func (c detection) String() string {
	switch {
	case c.Detected:
		return fmt.Sprintf("detected by rule %s after %s", c.Rule, executions(c.Executions))
	case c.Verdict == judge.OK:
		return fmt.Sprintf("not detected in %s", executions(c.Executions))
	}
	return fmt.Sprintf("not detected: %s: %s", c.Verdict, c.Text)
}

func executions(n int) string {
	if n == 1 {
		return "1 execution"
	}
	return fmt.Sprintf("%d executions", n)
}
