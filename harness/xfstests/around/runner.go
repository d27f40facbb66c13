package around

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/iomapcheck/iomapcheck/harness/campaign"
	"github.com/iomapcheck/iomapcheck/harness/judge"
	"github.com/iomapcheck/iomapcheck/harness/target/vm"
	"github.com/iomapcheck/iomapcheck/harness/xfstests/around/inguest"
	"github.com/iomapcheck/iomapcheck/vmimage/cache"
)

// Runner gives verdicts on units. Its methods may be called by several goroutines at once.
type Runner struct {
	// Release is the kernel's, and KernelSpec how the user named it.
	Release, KernelSpec string
	// Tree is the tree's folder, for the command that runs a test again.
	Tree string
	// Dir is the run's directory; each unit has one below it for its evidence.
	Dir string
	// Limit bounds one test, with what check does around it.
	Limit time.Duration
	// Report has check write its report in xunit's form, in which a failure's message is whole. It starts some processes for each of forty properties,
	// before and after each test: half a minute on an emulated machine. Without it what check prints is read.
	Report bool

	pool pool
}

// DefaultLimit is a test's where nobody says otherwise: the longest of the auto group take some hundred seconds on hardware.
const DefaultLimit = 15 * time.Minute

// NewRunner runs tests on machines that start boots.
func NewRunner(start func(context.Context, Column, func(string)) (Machine, error)) *Runner {
	return &Runner{Limit: DefaultLimit, pool: pool{start: start, idle: map[string][]Machine{}}}
}

// Close stops the machines that wait for another test.
func (r *Runner) Close() { r.pool.close() }

// Run gives the verdict on a unit. It always returns one: what goes wrong on our side is the verdict infra.
func (r *Runner) Run(ctx context.Context, u Unit, watch func(string)) Verdict {
	start := time.Now()
	v := r.blank(u)
	var o Outcome
	switch {
	case u.Expunged != "":
		v.Verdict.Verdict, v.Text = judge.Unsupported, u.Expunged
	case u.Column.Unsupported != "":
		v.Verdict.Verdict, v.Text = judge.Unsupported, u.Column.Unsupported
	default:
		var err error
		o, err = r.run(ctx, u, watch)
		r.conclude(u, o, err, &v)
	}
	v.Seconds = time.Since(start).Seconds()
	if o.Seconds > 0 {
		r.keep(o, &v)
	}
	return v
}

// blank is an empty verdict about a unit.
func (r *Runner) blank(u Unit) Verdict {
	v := Verdict{Column: u.Column.Name, Groups: u.Test.Groups}
	v.Case, v.Target, v.Kernel, v.KernelSpec, v.FS = u.Test.Name, "xfstests", r.Release, r.KernelSpec, u.Column.FSType
	v.Parameters, v.Witness = map[string]string{}, []string{}
	if name, variant, ok := strings.Cut(u.Column.Name, "/"); ok && name == u.Column.FSType {
		v.Variant = variant
	}
	v.Replay = fmt.Sprintf("iomapcheck xfstests run --tree %s --kernel %s --fs %s %s", r.Tree, r.KernelSpec, u.Column.Name, u.Test.Name)
	return v
}

// run has a machine run the test. A machine that is not spent waits for the next.
func (r *Runner) run(ctx context.Context, u Unit, watch func(string)) (Outcome, error) {
	began := time.Now()
	m, err := r.pool.take(ctx, u.Column, watch)
	var crash *vm.CrashError
	switch {
	case errors.As(err, &crash): // before there was a test
		return Outcome{
			Done: inguest.Done{Seconds: time.Since(began).Seconds()}, Console: crash.Console, Findings: crash.Findings, Died: crash.Error(),
		}, nil
	case err != nil:
		return Outcome{}, err
	}
	watch("running")
	began = time.Now()
	o, err := m.Run(ctx, inguest.Test{Name: u.Test.Name, Limit: r.Limit, Report: r.Report, Count: true}, watch)
	if err != nil || o.Spent() {
		m.Stop()
	} else {
		r.pool.put(u.Column, m)
	}
	if o.Seconds == 0 {
		o.Seconds = time.Since(began).Seconds()
	}
	return o, err
}

// conclude makes the verdict.
func (r *Runner) conclude(u Unit, o Outcome, err error, v *Verdict) {
	var unsupported *UnsupportedError
	switch {
	case errors.As(err, &unsupported):
		v.Verdict.Verdict, v.Text = judge.Unsupported, unsupported.Reason
		return
	case err != nil:
		v.Verdict.Verdict, v.Text = judge.Infra, strings.SplitN(err.Error(), "\n", 2)[0]
		return
	}
	j := judgeOutcome(inguest.Test{Name: u.Test.Name, Limit: r.Limit}, o)
	v.Verdict.Verdict, v.Text, v.Notes = j.verdict, j.text, j.notes
	v.TestSeconds = j.seconds
	v.Branches, v.AtLeast, v.Missing = o.Branches, o.AtLeast, o.Missing
	if reached := v.Reached(); reached != "" {
		v.Witness = append(v.Witness, "seen: "+reached)
	}
}

// keep writes the evidence: what check and the test left, the console, the stacks. Evidence that cannot be written takes nothing from a bad verdict, but a
// good one without it is our fault.
func (r *Runner) keep(o Outcome, v *Verdict) {
	if r.Dir == "" {
		return
	}
	dir := filepath.Join(r.Dir, strings.NewReplacer("/", "-", " ", "-").Replace(v.Column+"~"+v.Case))
	v.Evidence = dir
	files := map[string][]byte{"check.txt": []byte(o.Output), "console.txt": []byte(o.Console), "replay.txt": []byte(v.Replay + "\n")}
	for name, text := range map[string]string{"stacks.txt": o.Stacks, "diagnosis.txt": o.Diagnosis} {
		if text != "" {
			files[name] = []byte(text)
		}
	}
	for name, text := range o.Files {
		files[filepath.Base(name)] = text
	}
	if text, err := json.MarshalIndent(v, "", "  "); err == nil {
		files["verdict.json"] = append(text, '\n')
	}
	if err := write(dir, files); err != nil {
		v.Evidence, v.Notes = "", append(v.Notes, err.Error())
		if !v.Verdict.Verdict.Bad() {
			v.Verdict.Verdict, v.Text = judge.Infra, err.Error()
		}
	}
}

func write(dir string, files map[string][]byte) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("keep evidence: %w", cache.NoSpace(dir, err))
	}
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, text, 0o644); err != nil {
			return fmt.Errorf("keep evidence: %w", cache.NoSpace(path, err))
		}
	}
	return nil
}

// Base is the part of the verdict that every verdict has, for reports that are about all kinds.
func (v Verdict) Base() campaign.Verdict { return v.Verdict }
