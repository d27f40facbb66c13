package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/iomapcheck/iomapcheck/cases"
	"github.com/iomapcheck/iomapcheck/harness/campaign"
	"github.com/iomapcheck/iomapcheck/harness/compare"
	"github.com/iomapcheck/iomapcheck/harness/history"
	"github.com/iomapcheck/iomapcheck/harness/judge"
	"github.com/iomapcheck/iomapcheck/harness/runs"
	"github.com/iomapcheck/iomapcheck/refengine/mutant"
)

// validateFlags are the flags of validate.
type validateFlags struct {
	engineFlags
	base, patched, accel, json string
}

func (a *app) validate() *cobra.Command {
	f := &validateFlags{}
	cmd := &cobra.Command{
		Use: "validate --base KERNEL --patched KERNEL", Short: "runs cases on two kernels, side by side, and says what a patch changed",
		Long: fmt.Sprintf(`validate runs cases on two kernels, a unit on one right after the same unit on the other, in turns, and says what changed: verdicts, witnesses,
how many operations bypassed one whose progress is bounded so, failed invalidations and fallbacks, and the latency of operations; nothing
else. Every unit gets %d rounds; one that differs gets as many as it takes to tell a change from chance, %d at most.

How probable chance makes a difference is counted: in how many of all ways to deal out the values that were seen they are as uneven. The more
facets vary, the less probable a change has to be: two kernels that are alike are found alike by %.0f of 100 studies. What may be chance is listed
apart and does not count. Verdicts are kept as a run, which report reads.

Exit codes: 0 nothing changed, 1 something did, 125 a kernel could not be had or a run was our own fault, 2 wrong usage.`,
			compare.FirstRounds, compare.MostRounds, 100*(1-compare.Improbable)),
		Args: cobra.NoArgs,
		Example: `  iomapcheck validate --base debian:6.12 --patched tree:../linux --fs xfs
  iomapcheck validate --base debian:6.1 --patched debian:6.12 --fs gfs2,btrfs --quick
  iomapcheck validate --base debian:7.2 --patched arch/x86/boot/bzImage --case 'fallback/*' --json changes.json
  iomapcheck validate --base engine:6.12 --patched engine:6.12+dio-skip-post-invalidate    to see what it looks like`,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.runValidate(cmd.Context(), f) },
	}
	f.engineFlags.register(cmd)
	fl := cmd.Flags()
	fl.StringVar(&f.base, "base", "", "the kernel to compare with, as in run --kernel, or engine:RELEASE[+MUTANT…]")
	fl.StringVar(&f.patched, "patched", "", "the kernel with the patch, likewise")
	fl.StringVar(&f.accel, "accel", "", "kvm or tcg; empty finds out by booting, once")
	fl.StringVar(&f.json, "json", "", "write what changed to this file; - for standard output")
	return cmd
}

// sides are the two kernels.
type sides struct{ base, patched *campaign.Runner }

func (a *app) runValidate(ctx context.Context, f *validateFlags) error {
	units, err := f.plan(cases.Catalogue())
	for flag, spec := range map[string]string{"--base": f.base, "--patched": f.patched} {
		if spec == "" {
			err = errors.Join(err, fmt.Errorf("%s: want a kernel, as in debian:6.12, tree:DIR, or engine:6.12", flag))
		}
	}
	if err := errors.Join(err, f.check(), (&targetFlags{accel: f.accel}).check()); err != nil {
		return usage(err)
	}
	p := newProgress(a.errOut)
	defer p.close()
	dir, err := a.newRun()
	if err != nil {
		return err
	}
	both, err := a.openSides(ctx, f, dir, p)
	if err != nil {
		return err
	}
	defer both.base.Target.Close()
	defer both.patched.Target.Close()
	journal, err := runs.Begin(runs.Started(dir))
	if err != nil {
		return err
	}
	v := &validation{
		app: a, flags: f, sides: both, progress: p, journal: journal, study: compare.NewStudy(),
		last: map[string][2]campaign.Verdict{}, broken: map[string]bool{},
	}
	if err := errors.Join(v.run(ctx, units), journal.Close()); err != nil {
		return err
	}
	return v.report(ctx)
}

// openSides opens both kernels, whose evidence goes below dir.
func (a *app) openSides(ctx context.Context, f *validateFlags, dir string, p *progress) (sides, error) {
	base, err := a.side(ctx, f, f.base, filepath.Join(dir, "base"), p)
	if err != nil {
		return sides{}, fmt.Errorf("--base: %w", err)
	}
	patched, err := a.side(ctx, f, f.patched, filepath.Join(dir, "patched"), p)
	if err != nil {
		base.Target.Close()
		return sides{}, fmt.Errorf("--patched: %w", err)
	}
	return sides{base, patched}, nil
}

// side opens one kernel, or the engine. Evidence of the two lies apart, as their releases may be the same.
func (a *app) side(ctx context.Context, f *validateFlags, spec, dir string, p *progress) (*campaign.Runner, error) {
	target, tf := "vm", targetFlags{kernel: spec, accel: f.accel}
	var mutants []string
	if engine, is := strings.CutPrefix(spec, "engine:"); is {
		parts := strings.Split(engine, "+")
		target, tf.release, mutants = "refengine", parts[0], parts[1:]
		_, err := mutant.Parse(mutants...)
		if err := errors.Join(tf.check(), err); err != nil {
			return nil, usage(err)
		}
	}
	r, err := a.runner(ctx, target, tf, p)
	if err != nil {
		return nil, err
	}
	r.Runs, r.Seed, r.Budget, r.Mutants = dir, f.seed, f.budget, mutants
	return r, nil
}

// validation is a comparison under way.
type validation struct {
	app      *app
	flags    *validateFlags
	sides    sides
	progress *progress
	journal  *runs.Journal
	study    *compare.Study
	// last are the newest verdicts of a unit, base and patched, for what they say.
	last map[string][2]campaign.Verdict
	// broken are the units with a round that was our own fault, which get no other; fault says what it was, a line each.
	broken map[string]bool
	fault  []string
}

// pair is a round of a unit.
type pair struct {
	verdicts     [2]campaign.Verdict
	observations [2]compare.Observation
	err          error
}

// run runs rounds of the units, until none is undecided.
func (v *validation) run(ctx context.Context, units []campaign.Unit) error {
	open := units
	for round := 0; len(open) > 0 && ctx.Err() == nil; round++ {
		err := sideBySide(ctx, v.flags.workers("vm"), len(open), func(ctx context.Context, i int) pair {
			v.progress.set(fmt.Sprintf("round %d [%d/%d] %s", round+1, i+1, len(open), open[i].Name()))
			return v.pair(ctx, open[i], (round+i)%2 == 1, round)
		}, func(i int, p pair) error {
			if ctx.Err() != nil {
				return nil // the interrupt is no verdict
			}
			return errors.Join(p.err, v.take(open[i], p))
		})
		if err != nil {
			return err
		}
		// What the others have shown since may have made a unit doubtful that was decided.
		open = slices.DeleteFunc(slices.Clone(units), func(u campaign.Unit) bool {
			return v.broken[u.Name()] || !v.study.Undecided(u.Name())
		})
	}
	return nil
}

// pair runs a unit on both kernels, one right after the other.
func (v *validation) pair(ctx context.Context, u campaign.Unit, patchedFirst bool, round int) (p pair) {
	runners := [2]*campaign.Runner{v.sides.base, v.sides.patched}
	order := []int{0, 1}
	if patchedFirst {
		order = []int{1, 0}
	}
	for _, side := range order {
		r := *runners[side]
		r.Runs = filepath.Join(r.Runs, fmt.Sprint("round-", round+1))
		p.verdicts[side] = r.Run(ctx, u, func(string) {})
		o, err := observe(p.verdicts[side])
		if err != nil {
			p.err = err
		}
		p.observations[side] = o
	}
	return p
}

// observe reads what a run has left.
func observe(v campaign.Verdict) (compare.Observation, error) {
	nothing := compare.Observation{Facets: map[string]string{compare.FacetVerdict: string(v.Verdict)}}
	if v.Verdict == judge.Infra || v.Verdict == judge.Unsupported || v.Evidence == "" {
		return nothing, nil
	}
	_, program, err := readEvidence(v.Evidence)
	if err != nil {
		return nothing, fmt.Errorf("compare: %w", err)
	}
	file, err := os.Open(filepath.Join(v.Evidence, "history.jsonl"))
	if errors.Is(err, os.ErrNotExist) {
		return nothing, nil
	}
	if err != nil {
		return nothing, fmt.Errorf("compare: %w", err)
	}
	defer file.Close()
	h, err := history.Read(file)
	if err != nil {
		return nothing, fmt.Errorf("compare: read %s: %w", file.Name(), err)
	}
	o := compare.Observe(program, h, v.Verdict)
	if v.Target == "refengine" {
		o.Latencies = nil // the engine's time is the order of its steps
	}
	return o, nil
}

// take notes a round. One that we broke is no round of the unit.
func (v *validation) take(u campaign.Unit, p pair) error {
	v.last[u.Name()] = p.verdicts
	for i, verdict := range p.verdicts {
		if err := v.journal.Add(verdict); err != nil {
			return err
		}
		if verdict.Verdict == judge.Infra {
			v.broken[u.Name()] = true
			v.fault = append(v.fault, fmt.Sprintf("%s on %s: %s", u.Name(), [2]string{"base", "patched"}[i], verdict.Text))
		}
	}
	if !v.broken[u.Name()] {
		v.study.Add(u.Name(), p.observations[0], p.observations[1])
	}
	return nil
}

// writeJSON writes the outcome for machines.
func (v *validation) writeJSON(o outcome) error {
	if v.flags.json == "" {
		return nil
	}
	text, err := json.MarshalIndent(o, "", "  ")
	if err != nil {
		return fmt.Errorf("write changes: %w", err)
	}
	text = append(text, '\n')
	if v.flags.json == "-" {
		_, err = v.app.out.Write(text)
	} else {
		err = os.WriteFile(v.flags.json, text, 0o644)
	}
	if err != nil {
		return fmt.Errorf("write changes: %w", err)
	}
	return nil
}
