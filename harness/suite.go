package harness

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/iomapcheck/iomapcheck/harness/campaign"
	"github.com/iomapcheck/iomapcheck/harness/judge"
	"github.com/iomapcheck/iomapcheck/harness/kmsg"
	"github.com/iomapcheck/iomapcheck/harness/prog"
	"github.com/iomapcheck/iomapcheck/harness/target"
	"github.com/iomapcheck/iomapcheck/harness/target/host"
)

// Suite is a set of tests from somewhere else.
type Suite struct {
	Cases    []prog.Case
	Commands []Command
}

// Place says where a suite runs.
type Place struct {
	// Target runs the programs, on each of the file systems FS, as campaign.Selection names them; nil runs none.
	Target target.Target
	FS     []string
	// Dir is the folder that commands run in, a new one below it each; "" runs none.
	Dir string
	// Runs is where evidence goes, a folder a verdict; "" keeps none.
	Runs string
}

// Check finds tests that cannot be run: without an ID or a rule, twice the same ID, programs that are wrong.
func (s Suite) Check() error {
	seen := map[string]bool{}
	var failed []error
	name := func(id, rule string) {
		switch {
		case !strings.Contains(id, "/") || rule == "":
			failed = append(failed, fmt.Errorf("check test %q: want theme/name, and a rule that it checks", id))
		case seen[id]:
			failed = append(failed, fmt.Errorf("check test %s: the suite has two of that name", id))
		}
		seen[id] = true
	}
	for _, c := range s.Cases {
		name(c.ID, c.Rule)
		for _, v := range c.Variants {
			if err := v.Program.Check(); err != nil {
				failed = append(failed, fmt.Errorf("check test %s: %w", c.ID, err))
			}
		}
	}
	for _, c := range s.Commands {
		name(c.ID, c.Rule)
		if len(c.Args) == 0 {
			failed = append(failed, fmt.Errorf("check test %s: it has no command", c.ID))
		}
	}
	return errors.Join(failed...)
}

// Run runs every test, programs first, and tells each verdict. An error is wrong use, or that ctx has ended, which is no verdict; what goes
// wrong in a test is the verdict infra.
func (s Suite) Run(ctx context.Context, p Place, each func(campaign.Verdict)) error {
	if err := s.Check(); err != nil {
		return err
	}
	tell := func(v campaign.Verdict) {
		if ctx.Err() == nil || v.Verdict != judge.Infra {
			each(v)
		}
	}
	if p.Target != nil && len(s.Cases) > 0 {
		units, err := campaign.Plan(s.Cases, campaign.Selection{FS: p.FS})
		if err != nil {
			return err
		}
		r := &campaign.Runner{Target: p.Target, Runs: p.Runs, Seed: 1, Shrink: true}
		for _, u := range units {
			if ctx.Err() == nil {
				tell(r.Run(ctx, u, nil))
			}
		}
	}
	for _, c := range s.Commands {
		if p.Dir != "" && ctx.Err() == nil {
			tell(c.Run(ctx, p))
		}
	}
	return ctx.Err()
}

// Run runs the command in a folder of its own, which is removed afterwards.
func (c Command) Run(ctx context.Context, p Place) campaign.Verdict {
	v := campaign.Verdict{
		Case: c.ID, Parameters: map[string]string{}, Target: "host", Kernel: release(), Witness: []string{}, Executions: 1,
	}
	if spec, err := host.FSOf(p.Dir); err == nil {
		v.FS, v.Variant = spec.Name(), spec.VariantName()
	}
	begun := time.Now()
	files, err := c.run(ctx, p.Dir, &v)
	if err != nil {
		v.Verdict, v.Text = judge.Infra, err.Error()
	}
	v.Seconds = time.Since(begun).Seconds()
	if p.Runs != "" {
		c.keep(p.Runs, files, &v)
	}
	return v
}

// run runs the command and judges how it ended; files are the evidence, by name.
func (c Command) run(ctx context.Context, below string, v *campaign.Verdict) (files map[string]string, err error) {
	dir, err := os.MkdirTemp(below, "test-")
	if err != nil {
		return nil, fmt.Errorf("make a folder for the command: %w", err)
	}
	stuck := false
	defer func() {
		if stuck { // to remove a file that somebody sleeps on waits for him
			v.Notes = append(v.Notes, "the command's folder is left where it is: "+dir)
			return
		}
		err = errors.Join(err, os.RemoveAll(dir))
	}()
	log, logErr := kmsg.Open(c.ID)
	if logErr != nil {
		v.Notes = append(v.Notes, "the kernel's log is not listened to: "+logErr.Error())
	} else {
		defer log.Close()
	}
	e, stacks, err := c.start(ctx, dir)
	stuck = errors.Is(err, errStuck)
	files = map[string]string{"output.txt": e.Output, "stacks.txt": strings.Join(stacks, "\n")}
	var found []kmsg.Finding
	if log != nil {
		files["console.txt"], found = log.Read()
	}
	switch {
	case errors.Is(err, errLimit):
		v.Verdict, v.Rule, v.Text = judge.Hang, judge.RuleHang, strings.Join(append([]string{err.Error()}, stacks...), "; ")
	case err != nil:
		return files, err
	default:
		c.settle(e, v)
	}
	splat(found, v)
	return files, nil
}

// settle judges a command that has ended.
func (c Command) settle(e Ended, v *campaign.Verdict) {
	means := c.Means
	if means == nil {
		means = ByExitStatus
	}
	v.Verdict, v.Text = means(e)
	if c.Witness == nil {
		return
	}
	line, seen := "NOT SEEN", ""
	for l := range strings.Lines(e.Output) {
		if c.Witness.MatchString(strings.TrimRight(l, "\n")) {
			line, seen = "seen", strings.TrimSpace(l)
			break
		}
	}
	v.Witness = append(v.Witness, fmt.Sprintf("%s: %s: %s", line, c.Witness, seen))
	v.Direct = seen != ""
	if v.Verdict == judge.OK && seen == "" {
		v.Verdict, v.Text = judge.Unexercised, fmt.Sprintf("no line of the output matches %s", c.Witness)
	}
}

// splat makes a verdict a crash or a hang if the kernel says so, whatever the command made of it.
func splat(found []kmsg.Finding, v *campaign.Verdict) {
	for _, f := range found {
		kind := string(f.Kind)
		switch {
		case slices.Contains(judge.CrashKinds(), kind):
			v.Verdict = judge.Crash
		case slices.Contains(judge.HangKinds(), kind) && v.Verdict != judge.Crash:
			v.Verdict = judge.Hang
		default:
			v.Notes = append(v.Notes, "console: "+kind+": "+f.Title)
			continue
		}
		v.Rule, v.Text = judge.RuleSplat, kind+": "+f.Title
	}
}

// keep writes the evidence. Evidence that cannot be written is a note of the verdict.
func (c Command) keep(runs string, files map[string]string, v *campaign.Verdict) {
	dir := filepath.Join(runs, "command~"+strings.ReplaceAll(c.ID, "/", "-"))
	v.Evidence = dir
	all := map[string]string{"command.txt": strings.Join(append(slices.Clone(c.Env), c.Args...), " ") + "\n"}
	for name, text := range files {
		if text != "" {
			all[name] = text
		}
	}
	if text, err := json.MarshalIndent(v, "", "  "); err == nil {
		all["verdict.json"] = string(text) + "\n"
	}
	err := os.MkdirAll(dir, 0o755)
	for name, text := range all {
		err = errors.Join(err, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644))
	}
	if err != nil {
		v.Notes = append(v.Notes, "keep evidence: "+err.Error())
	}
}
