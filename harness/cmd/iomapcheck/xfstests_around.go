package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	kept "github.com/iomapcheck/iomapcheck/ci/report"
	"github.com/iomapcheck/iomapcheck/harness/fsys"
	"github.com/iomapcheck/iomapcheck/harness/judge"
	"github.com/iomapcheck/iomapcheck/harness/xfstests/around"
	"github.com/iomapcheck/iomapcheck/harness/xfstests/around/inguest"
	"github.com/iomapcheck/iomapcheck/vmimage/apt"
)

// aroundFlags are the flags of xfstests run.
type aroundFlags struct {
	targetFlags
	tree, config          string
	fs, sections, groups  []string
	exclude, expunge, set []string
	resume, json          string
	limit                 time.Duration
	xunit, plain          bool
	jobs                  int
	diskMiB, memoryMiB    int64
	expunged              []around.Expunged
	columns               []around.Column
	selection             around.Selection
}

func (a *app) xfstestsRun() *cobra.Command {
	f := &aroundFlags{}
	cmd := &cobra.Command{
		Use: "run --tree TREE (-g GROUP,… | TEST…)", Short: "runs stock tests of an xfstests tree in our machines, on our kernels",
		Long: `run builds the tree, once, in a userland made of Debian packages, and runs its tests in virtual machines: TEST and SCRATCH are two halves
of the programmable disk, local.config is written from the file systems given, or from the sections of an existing one, and each test has
a time limit. After a crash, a hang, or a WARN, the next test gets a fresh kernel: a clone of the snapshot that is taken of the first machine
before its first test, and kept in the cache for later runs (with --plain, a machine that boots).

Verdicts: ok (passed), unsupported (check did not run it, or a list leaves it out: with the reason), fail (with the difference), hang
(with stacks), crash (what the console says counts before what check says), infra (our own fault). While a test runs, the branches of the kernel
that iomapcheck is about are counted: failed invalidations, fallbacks, stale mappings.

Each verdict is written as it comes. --continue DIR goes on with a run that was interrupted: what has a verdict is not run again.
Exit codes: 0 good, 1 a verdict is bad, 125 nothing was shown, 2 wrong usage.`,
		Example: `  iomapcheck xfstests run --tree ~/src/xfstests --fs xfs,ext4 generic/091 generic/451
  iomapcheck xfstests run --tree ~/src/xfstests --kernel arch/x86/boot/bzImage --fs btrfs -g quick -x dangerous -E expunged.txt
  iomapcheck xfstests run --tree ~/src/xfstests --config local.config -s crc_4k -g auto --continue runs/20261121-114832.318`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := f.check(args); err != nil {
				return usage(err)
			}
			return a.runAround(cmd.Context(), f)
		},
	}
	f.registerKernel(cmd)
	fl := cmd.Flags()
	fl.StringVar(&f.tree, "tree", "", "xfstests source tree; it is only read")
	fl.StringSliceVar(&f.fs, "fs", nil, "file systems, as in xfs,ext4/1k; default xfs, ext4 and btrfs where there is no --config")
	fl.StringVar(&f.config, "config", "", "an existing local.config; its devices and folders are replaced")
	fl.StringSliceVarP(&f.sections, "section", "s", nil, "sections of it; default all")
	fl.StringSliceVarP(&f.groups, "group", "g", nil, "groups of tests, as in quick,xfs/rw")
	fl.StringSliceVarP(&f.exclude, "exclude-group", "x", nil, "groups of tests to leave out")
	fl.StringSliceVarP(&f.expunge, "expunge", "E", nil, "files with tests to leave out, one a line; a comment is the reason")
	fl.StringSliceVar(&f.set, "set", nil, "more for local.config, as in TIME_FACTOR=2,SOAK_DURATION=30")
	fl.StringVar(&f.resume, "continue", "", "directory of a run to go on with")
	fl.StringVar(&f.json, "json", "", "write verdicts to this file as well, one JSON object a line; - for standard output")
	fl.DurationVar(&f.limit, "limit", around.DefaultLimit, "time limit of a test")
	fl.BoolVar(&f.xunit, "xunit", false, "have check write its xunit report also on emulated machines, where that takes half a minute a test")
	fl.IntVar(&f.jobs, "jobs", 1, "tests at a time, a machine each")
	fl.Int64Var(&f.diskMiB, "disk", 4096, "size of TEST and of SCRATCH in MiB; they take the host's memory as they are written")
	fl.BoolVar(&f.plain, "plain", false, "have QEMU serve TEST and SCRATCH from files of its own instead of the programmable disk")
	fl.Int64Var(&f.memoryMiB, "memory", 0, "a machine's memory in MiB; 0 for 2048")
	return cmd
}

// check finds wrong usage, and reads what the flags name.
func (f *aroundFlags) check(args []string) error {
	if f.tree == "" {
		return errors.New("--tree: name an xfstests source tree")
	}
	f.selection = around.Selection{Names: args, Groups: f.groups, Exclude: f.exclude}
	for _, path := range f.expunge {
		text, err := os.ReadFile(path)
		if err != nil {
			return fmt.Errorf("--expunge: %w", err)
		}
		list, err := around.ReadExpunged(string(text))
		if err != nil {
			return fmt.Errorf("--expunge %s: %w", path, err)
		}
		f.expunged = append(f.expunged, list...)
	}
	var err error
	if f.columns, err = f.readColumns(); err != nil {
		return err
	}
	return errors.Join(f.addKeys(), f.targetFlags.check(), f.checkNumbers())
}

func (f *aroundFlags) checkNumbers() error {
	switch {
	case f.jobs < 1:
		return errors.New("--jobs: at least 1")
	case f.limit < time.Second:
		return errors.New("--limit: at least 1s")
	case f.diskMiB < 512:
		return errors.New("--disk: at least 512: xfs is not made on less than 300 MiB")
	}
	return nil
}

// readColumns are the columns that --fs, or --config and --section, ask for.
func (f *aroundFlags) readColumns() ([]around.Column, error) {
	if f.config != "" {
		return f.ofConfig()
	}
	if len(f.sections) > 0 {
		return nil, errors.New("--section: of which file? Add --config")
	}
	names := f.fs
	if len(names) == 0 {
		names = []string{"xfs", "ext4", "btrfs"}
	}
	var columns []around.Column
	for _, name := range names {
		spec, err := fsys.Parse(name)
		if err != nil {
			return nil, fmt.Errorf("--fs: %w", err)
		}
		columns = append(columns, around.ColumnOf(spec))
	}
	return columns, nil
}

func (f *aroundFlags) ofConfig() ([]around.Column, error) {
	if len(f.fs) > 0 {
		return nil, errors.New("--fs: --config says which file systems; leave one of them out")
	}
	text, err := os.ReadFile(f.config)
	if err != nil {
		return nil, fmt.Errorf("--config: %w", err)
	}
	all, err := around.ReadConfig(string(text))
	if err != nil {
		return nil, fmt.Errorf("--config %s: %w", f.config, err)
	}
	if len(f.sections) == 0 {
		return all, nil
	}
	var columns []around.Column
	for _, name := range f.sections {
		i := slices.IndexFunc(all, func(c around.Column) bool { return c.Name == name })
		if i < 0 {
			return nil, fmt.Errorf("--section %s: %s has no such section", name, f.config)
		}
		columns = append(columns, all[i])
	}
	return columns, nil
}

// addKeys puts --set into every column.
func (f *aroundFlags) addKeys() error {
	for _, pair := range f.set {
		key, value, ok := strings.Cut(pair, "=")
		if !ok || key == "" {
			return fmt.Errorf("--set %s: want KEY=VALUE", pair)
		}
		for i := range f.columns {
			f.columns[i].Keys = maps.Clone(f.columns[i].Keys)
			f.columns[i].Keys[key] = value
		}
	}
	return nil
}

func (a *app) runAround(ctx context.Context, f *aroundFlags) error {
	tree, units, err := f.plan()
	if err != nil {
		return usage(err)
	}
	p := newProgress(a.errOut)
	defer p.close()
	p.set("preparing " + f.kernel + " and " + f.tree)
	machines, err := a.openMachines(ctx, f, tree, func(line string) { _ = p.println(a.errOut, line) })
	if err != nil {
		return err
	}
	defer machines.Close()
	dir, err := f.runDir(a)
	if err != nil {
		return err
	}
	key, err := tree.Key(ctx)
	if err != nil {
		return err
	}
	log, err := around.OpenLog(dir, key, machines.Release(), f.columns)
	if err != nil {
		return err
	}
	runner := around.NewRunner(machines.Start)
	defer runner.Close()
	runner.Release, runner.KernelSpec, runner.Tree, runner.Dir, runner.Limit = machines.Release(), f.kernel, tree.Dir, dir, f.limit
	runner.Report = f.xunit || machines.Fast()
	return errors.Join(a.judgeAround(ctx, f, units, runner, log, p), log.Close())
}

// plan reads the tree and picks the units.
func (f *aroundFlags) plan() (around.Tree, []around.Unit, error) {
	tree, err := around.OpenTree(f.tree)
	if err != nil {
		return tree, nil, err
	}
	tests, err := tree.Tests()
	if err != nil {
		return tree, nil, err
	}
	units, err := around.Plan(tests, f.selection, f.columns, f.expunged)
	return tree, units, err
}

func (a *app) openMachines(ctx context.Context, f *aroundFlags, tree around.Tree, report func(string)) (*around.Machines, error) {
	self, err := agent()
	if err != nil {
		return nil, err
	}
	archive := apt.Open(a.cache())
	archive.Report = report
	images, err := around.Builder{Cache: a.cache(), Archive: archive, Report: report}.Build(ctx, tree)
	if err != nil {
		return nil, err
	}
	return around.OpenMachines(ctx, around.Options{
		Kernel: f.kernel, Accel: f.accel, Cache: a.cache(), Agent: self, Images: images, Report: report,
		DiskSize: f.diskMiB << 20, MemoryMiB: int(f.memoryMiB), Plain: f.plain,
	})
}

// runDir is the directory of the run that is continued, or of a new one.
func (f *aroundFlags) runDir(a *app) (string, error) {
	if f.resume == "" {
		return a.newRun()
	}
	if _, err := os.Stat(filepath.Join(f.resume, "verdicts.jsonl")); err != nil {
		return "", usage(fmt.Errorf("--continue: %w", err))
	}
	return filepath.Abs(f.resume)
}

// judgeAround runs the units and reports; the exit code follows the verdicts, or the interrupt.
func (a *app) judgeAround(ctx context.Context, f *aroundFlags, units []around.Unit, runner *around.Runner, log *around.Log, p *progress) error {
	report, err := a.newReport(f.json, p)
	if err != nil {
		return err
	}
	type result struct {
		around.Verdict
		err error
	}
	var all []around.Verdict
	err = sideBySide(ctx, f.jobs, len(units), func(ctx context.Context, i int) result {
		if v, ok := log.Done(units[i]); ok {
			return result{v, nil}
		}
		v := runner.Run(ctx, units[i], func(doing string) {
			p.set(fmt.Sprintf("[%d/%d] %s: %s", i+1, len(units), units[i].Name(), doing))
		})
		if ctx.Err() != nil && v.Verdict.Verdict == judge.Infra {
			return result{v, nil} // the interrupt is no verdict
		}
		return result{v, log.Add(v)} // at once: those before it may take long
	}, func(_ int, r result) error {
		v := r.Verdict
		if r.err != nil || ctx.Err() != nil && v.Verdict.Verdict == judge.Infra {
			return r.err
		}
		all = append(all, v)
		report.verdicts = append(report.verdicts, v.Verdict.Verdict)
		if err := json.NewEncoder(report.machines).Encode(v); err != nil {
			return fmt.Errorf("write verdicts: %w", err)
		}
		return p.println(report.people, v.Line())
	})
	a.code = judge.ExitCode(report.verdicts...)
	if ctx.Err() != nil {
		a.code = exitInfra
	}
	sum := kept.Tally(report.verdicts)
	if len(all) < len(units) {
		sum = fmt.Sprintf("interrupted after %d of %d: %s; go on with --continue %s", len(all), len(units), sum, runner.Dir)
	}
	return errors.Join(err, p.println(report.people, fmt.Sprintf("\n%s\n%s on %s; evidence in %s", around.Table(all), sum, runner.Release, runner.Dir)),
		report.close())
}

// xfstestsInGuest is what the guest's shell runs. It is of no use elsewhere.
func (a *app) xfstestsInGuest() *cobra.Command {
	return &cobra.Command{
		Use: "in-guest", Hidden: true, Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error { return inguest.Main(a.in, a.out) },
	}
}
