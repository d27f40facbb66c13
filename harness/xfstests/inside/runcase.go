package inside

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/iomapcheck/iomapcheck/harness/campaign"
	"github.com/iomapcheck/iomapcheck/harness/fsys"
	"github.com/iomapcheck/iomapcheck/harness/judge"
	"github.com/iomapcheck/iomapcheck/harness/prog"
	"github.com/iomapcheck/iomapcheck/harness/target"
)

// Request is what a test asks for.
type Request struct {
	Case prog.Case
	// Given is the file of a program of the user's own, to be run as it is; "" for a case of the catalogue.
	Given string
	// Where is NeedsDir or NeedsDisk.
	Where Needs
	// Full is the test's log, $seqres.full.
	Full io.Writer
	// Out is the test's output: nothing, but for failures.
	Out io.Writer
	// Binary is how the user calls this program, for the command that runs it again.
	Binary string
}

// Result is how a test ended.
type Result struct {
	Outcome Outcome
	// Reason is why it was not run, "" where it was.
	Reason   string
	Verdicts []campaign.Verdict
}

// Run runs the case's variants and tells of them. An error is a fault of ours before anything could be run.
func (e Environment) Run(ctx context.Context, req Request) (Result, error) {
	var busy load
	t, err := e.target(ctx, req.Where, &busy, func(line string) { fmt.Fprintln(req.Full, line) })
	if err != nil {
		return Result{}, err
	}
	defer t.Close()
	busy.start(e)
	defer busy.stop()
	return e.runOn(ctx, t, req)
}

// fsTarget is a target that knows which file system it has.
type fsTarget interface {
	target.Target
	FS(ctx context.Context, name string) (fsys.Spec, error)
}

func (e Environment) runOn(ctx context.Context, t fsTarget, req Request) (Result, error) {
	spec, err := t.FS(ctx, e.FSType)
	if err != nil {
		var unsupported *target.UnsupportedError
		if errors.As(err, &unsupported) {
			return Result{Outcome: NotRun, Reason: "iomapcheck: " + unsupported.Reason}, nil
		}
		return Result{}, err
	}
	runs, err := os.MkdirTemp("", "iomapcheck-runs")
	if err != nil {
		return Result{}, fmt.Errorf("make a folder for evidence: %w", err)
	}
	defer os.RemoveAll(runs)
	runner := &campaign.Runner{Target: t, Runs: runs, Seed: 1}
	fmt.Fprintf(req.Full, "iomapcheck: %s on %s, kernel %s\n  must hold  %s\n", req.Case.ID, spec, t.Release(), req.Case.Rule)
	var verdicts []campaign.Verdict
	begun := time.Now()
	for round := 0; round < e.TimeFactor || time.Since(begun) < e.Soak; round++ {
		runner.Seed = uint64(round + 1)
		for _, v := range e.variants(req.Case) {
			if ctx.Err() != nil {
				return Result{}, context.Cause(ctx)
			}
			verdicts = append(verdicts, e.one(ctx, runner, req, campaign.Unit{Case: req.Case, Variant: v, FS: spec}))
		}
	}
	res := Result{Outcome: e.sum(verdicts), Verdicts: verdicts}
	if res.Outcome == NotRun {
		res.Reason = reason(verdicts)
	}
	return res, nil
}

// variants are those of a case that are run: those for the night as well where time is given.
func (e Environment) variants(c prog.Case) []prog.Variant {
	var out []prog.Variant
	for _, v := range c.Variants {
		if !v.Nightly || e.TimeFactor > 1 || e.Soak > 0 {
			out = append(out, v)
		}
	}
	if len(out) == 0 {
		return c.Variants
	}
	return out
}

// one runs a unit, logs it and complains of it.
func (e Environment) one(ctx context.Context, r *campaign.Runner, req Request, u campaign.Unit) campaign.Verdict {
	run := r.Run
	if req.Given != "" {
		run = r.RunGiven
	}
	v := run(ctx, u, nil)
	again := e.again(req, u)
	fmt.Fprintf(req.Full, "\n%s\n", v.Line())
	if v.Verdict != judge.Unsupported {
		fmt.Fprintf(req.Full, "  again  %s\n", again)
		logEvidence(req.Full, v)
	}
	if e.of(v.Verdict) == Failure {
		fmt.Fprint(req.Out, complaint(v, u.Case.Rule, again))
	}
	return v
}

// again is the command that runs a unit again by itself.
func (e Environment) again(req Request, u campaign.Unit) string {
	where := "--dir " + e.TestDir
	if req.Where == NeedsDisk {
		where = "--fs " + u.FS.String()
	}
	if req.Given != "" {
		return fmt.Sprintf("%s run - --target host %s < %s", req.Binary, where, req.Given)
	}
	return fmt.Sprintf("%s run --target host %s --case '%s'", req.Binary, where, u.CaseName())
}

// logEvidence puts into the log what there is to see of a verdict.
func logEvidence(log io.Writer, v campaign.Verdict) {
	for _, w := range v.Witness {
		fmt.Fprintln(log, "  witness", w)
	}
	for _, n := range v.Notes {
		fmt.Fprintln(log, "  note", n)
	}
	if v.Evidence == "" {
		return
	}
	for _, name := range []string{"program.txt", "history.txt", "console.txt", "error.txt"} {
		text, err := os.ReadFile(filepath.Join(v.Evidence, name))
		if err == nil {
			fmt.Fprintf(log, "--- %s\n%s", name, text)
		}
	}
}
