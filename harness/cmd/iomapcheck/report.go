package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	text "github.com/iomapcheck/iomapcheck/ci/report"
	"github.com/iomapcheck/iomapcheck/harness/campaign"
	"github.com/iomapcheck/iomapcheck/harness/judge"
	"github.com/iomapcheck/iomapcheck/harness/runs"
)

// report prints verdicts as they come, for people and, if asked for, for machines.
type report struct {
	people   io.Writer
	machines io.Writer
	close    func() error
	// journal is the run's own, nil where nothing is kept.
	journal  *runs.Journal
	progress *progress
	verdicts []judge.Verdict
	share    campaign.Share
	bad      []badVerdict
}

// badVerdict is a verdict to be told about, with the unit it is about.
type badVerdict struct {
	unit    campaign.Unit
	verdict campaign.Verdict
}

// newReport opens the file for machines; "" is none and - standard output, where people read standard error instead.
func (a *app) newReport(json string, p *progress) (*report, error) {
	r := &report{people: a.out, machines: io.Discard, close: func() error { return nil }, progress: p}
	switch json {
	case "":
	case "-":
		r.people, r.machines = a.errOut, a.out
	default:
		f, err := os.Create(json)
		if err != nil {
			return nil, fmt.Errorf("write verdicts: %w", err)
		}
		r.machines, r.close = f, f.Close
	}
	return r, nil
}

// keep begins to keep the run in its directory, for later reports.
func (r *report) keep(dir string) (err error) {
	r.journal, err = runs.Begin(runs.Started(dir))
	return err
}

// finish closes what verdicts are written to.
func (r *report) finish() error {
	if r.journal != nil {
		return errors.Join(r.journal.Close(), r.close())
	}
	return r.close()
}

func (r *report) add(u campaign.Unit, v campaign.Verdict) error {
	r.verdicts = append(r.verdicts, v.Verdict)
	r.share.Add(v)
	if v.Verdict.Bad() {
		r.bad = append(r.bad, badVerdict{u, v})
	}
	if r.journal != nil {
		if err := r.journal.Add(v); err != nil {
			return err
		}
	}
	if err := json.NewEncoder(r.machines).Encode(v); err != nil {
		return fmt.Errorf("write verdicts: %w", err)
	}
	return r.progress.println(r.people, v.Line())
}

// end prints what to say about each bad verdict, the sum, and where the evidence is. of is how many verdicts were to come.
func (r *report) end(runner *campaign.Runner, of int) error {
	for _, b := range r.bad {
		if err := r.progress.println(r.people, b.String()); err != nil {
			return err
		}
	}
	sum := text.Tally(r.verdicts)
	if n := len(r.verdicts); n < of {
		sum = strings.TrimSuffix(fmt.Sprintf("interrupted after %d of %d: %s", n, of, sum), ": ")
	}
	line := fmt.Sprintf("%s on %s %s; evidence in %s", sum, runner.Target.Name(), runner.Target.Release(), runner.Runs)
	if share := r.share.String(); share != "" {
		line += "\n" + share
	}
	return errors.Join(r.progress.println(r.people, line), r.finish())
}

// String is what to say about the verdict. Its last three lines are what a person pastes into a mail: kernel, file system and options; how to
// replay it here; and how anyone reproduces it.
func (b badVerdict) String() string {
	v := b.verdict
	where := text.Where(v)
	return fmt.Sprintf("\n%s: %s on %s, %s\n  must hold  %s\n  seen       %s\n  evidence   %s\n  where      %s; %s\n  replay     %s\n  reproducer %s\n",
		v.Verdict, v.Name(), v.FSName(), where, b.unit.Case.Rule, v.Text, v.Evidence, where, text.Made(v), v.ReplayCommand(),
		text.Reproduce(v, filepath.Join(v.Evidence, "program.txt")))
}
