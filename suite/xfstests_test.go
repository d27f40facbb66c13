package suite

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/iomapcheck/iomapcheck/harness/fsys"
	"github.com/iomapcheck/iomapcheck/harness/judge"
	"github.com/iomapcheck/iomapcheck/harness/xfstests/around"
	"github.com/iomapcheck/iomapcheck/vmimage/apt"
	"github.com/iomapcheck/iomapcheck/vmimage/cache"
)

// stockOptions are the flags about an xfstests tree whose tests are run in our machines.
type stockOptions struct {
	tree, groups, exclude, tests, expunge, config string
	limit                                         time.Duration
}

var stock = registerStock(flag.CommandLine)

func registerStock(fl *flag.FlagSet) *stockOptions {
	o := &stockOptions{}
	fl.StringVar(&o.tree, "iomap.xfstests", "", "xfstests source tree: its stock tests become the specs, instead of our cases unless -iomap.target is given")
	fl.StringVar(&o.groups, "iomap.xfstests.groups", "", "groups of them, as in quick,xfs/rw; default auto where no test is named")
	fl.StringVar(&o.exclude, "iomap.xfstests.exclude", "", "groups to leave out")
	fl.StringVar(&o.tests, "iomap.xfstests.tests", "", "tests by glob, as in generic/091,xfs/*")
	fl.StringVar(&o.expunge, "iomap.xfstests.expunge", "", "file with tests to leave out, in the format of check -E; comments are reasons")
	fl.StringVar(&o.config, "iomap.xfstests.config", "", "an existing local.config, whose sections are run instead of -iomap.fs")
	fl.DurationVar(&o.limit, "iomap.xfstests.limit", around.DefaultLimit, "time limit of a test")
	return o
}

// only says whether the stock tests are all that is wanted.
func (o *stockOptions) only() bool {
	targets := false
	flag.CommandLine.Visit(func(f *flag.Flag) { targets = targets || f.Name == "iomap.target" })
	return o.tree != "" && !targets
}

// units are what the flags pick; none without a tree.
func (o *stockOptions) units() ([]around.Unit, error) {
	if o.tree == "" {
		return nil, nil
	}
	tree, err := around.OpenTree(fromRoot(o.tree))
	if err != nil {
		return nil, err
	}
	tests, err := tree.Tests()
	if err != nil {
		return nil, err
	}
	columns, err := o.columns()
	if err != nil {
		return nil, err
	}
	var expunged []around.Expunged
	if o.expunge != "" {
		text, err := os.ReadFile(fromRoot(o.expunge))
		if err != nil {
			return nil, err
		}
		if expunged, err = around.ReadExpunged(string(text)); err != nil {
			return nil, err
		}
	}
	s := around.Selection{Names: split(o.tests), Groups: split(o.groups), Exclude: split(o.exclude)}
	if len(s.Names)+len(s.Groups) == 0 {
		s.Groups = []string{"auto"}
	}
	return around.Plan(tests, s, columns, expunged)
}

func (o *stockOptions) columns() ([]around.Column, error) {
	if o.config != "" {
		text, err := os.ReadFile(fromRoot(o.config))
		if err != nil {
			return nil, err
		}
		return around.ReadConfig(string(text))
	}
	names := split(opts.fs)
	if len(names) == 0 {
		names = []string{"xfs", "ext4", "btrfs"}
	}
	var columns []around.Column
	for _, name := range names {
		spec, err := fsys.Parse(name)
		if err != nil {
			return nil, err
		}
		columns = append(columns, around.ColumnOf(spec))
	}
	return columns, nil
}

// One spec a test and column; a test's groups are its labels.
var _ = Describe("stock xfstests", func() {
	units, err := stock.units()
	if err != nil {
		return // TestSuite has said so
	}
	for _, u := range units {
		labels := append(Label("target:xfstests", "kernel:"+labelled(opts.kernel), "fs:"+labelled(u.Column.Name)), u.Test.Groups...)
		It(u.Test.Name+" on "+u.Column.Name, labels, func(ctx SpecContext) { judgeStock(ctx, u) })
	}
})

// stockRunner is this process's, opened when first needed.
var stockRunner struct {
	sync.Mutex
	*around.Runner
}

// stockEntry names the report entry that carries a stock test's verdict as JSON.
const stockEntry = "xfstests verdict"

func judgeStock(ctx SpecContext, u around.Unit) {
	GinkgoHelper()
	doing := &progress{}
	stop := AttachProgressReporter(doing.String)
	defer stop()
	v := runnerOfStock(ctx).Run(ctx, u, doing.set)
	text, err := json.Marshal(v)
	Expect(err).NotTo(HaveOccurred())
	AddReportEntry(stockEntry, string(text), ReportEntryVisibilityNever)
	AddReportEntry("branches reached", v.Reached(), ReportEntryVisibilityFailureOrVerbose)
	for _, name := range []string{"check.txt", "console.txt", "stacks.txt"} {
		if text, err := os.ReadFile(filepath.Join(v.Evidence, name)); err == nil && v.Evidence != "" {
			AddReportEntry(name, excerpt(string(text)), ReportEntryVisibilityFailureOrVerbose)
		}
	}
	switch v.Verdict.Verdict {
	case judge.OK, judge.Known:
	case judge.Unsupported:
		Skip("unsupported: " + v.Text)
	default:
		Fail(fmt.Sprintf("%s: %s\n  %s on %s, kernel %s\n  evidence: %s\n  replay:   %s",
			v.Verdict.Verdict, v.Text, v.Case, v.Column, v.Kernel, v.Evidence, v.Replay))
	}
}

// runnerOfStock opens the process's runner. That it cannot be opened is our fault, and fails every spec.
func runnerOfStock(ctx context.Context) *around.Runner {
	GinkgoHelper()
	stockRunner.Lock()
	defer stockRunner.Unlock()
	if stockRunner.Runner != nil {
		return stockRunner.Runner
	}
	report := func(line string) { GinkgoWriter.Println(line) }
	dir := cache.Dir(fromRoot(opts.cache))
	tree, err := around.OpenTree(fromRoot(stock.tree))
	Expect(err).NotTo(HaveOccurred())
	images, err := around.Builder{Cache: dir, Archive: apt.Open(dir), Report: report}.Build(ctx, tree)
	if err != nil {
		Fail("infra: " + err.Error())
	}
	machines, err := around.OpenMachines(ctx, around.Options{
		Kernel: opts.kernelSpec(), Accel: opts.accel, Cache: dir, Agent: runners.Agent, Images: images, Report: report,
	})
	if err != nil {
		Fail("infra: " + err.Error())
	}
	r := around.NewRunner(machines.Start)
	r.Release, r.KernelSpec, r.Tree, r.Dir, r.Limit = machines.Release(), opts.kernelSpec(), tree.Dir, runners.Runs, stock.limit
	r.Report = machines.Fast()
	stockRunner.Runner = r
	stopStock = func() { r.Close(); machines.Close() }
	return r
}

// stopStock ends what runnerOfStock began.
var stopStock = func() {}

var _ = AfterSuite(func() { stopStock() })

var _ = ReportAfterSuite("stock xfstests", func(r Report) {
	var all []around.Verdict
	for _, spec := range r.SpecReports {
		for _, e := range spec.ReportEntries {
			var v around.Verdict
			if e.Name == stockEntry && json.Unmarshal([]byte(entryText(e)), &v) == nil {
				all = append(all, v)
			}
		}
	}
	if len(all) == 0 {
		return
	}
	slices.SortFunc(all, func(a, b around.Verdict) int { return strings.Compare(a.Case+"@"+a.Column, b.Case+"@"+b.Column) })
	var lines strings.Builder
	shown := false
	for _, v := range all {
		text, err := json.Marshal(v)
		Expect(err).NotTo(HaveOccurred())
		lines.Write(append(text, '\n'))
		shown = shown || v.Verdict.Verdict != judge.Unsupported
	}
	Expect(os.MkdirAll(fromRoot(opts.runs), 0o755)).To(Succeed())
	path, err := filepath.Abs(filepath.Join(fromRoot(opts.runs), "xfstests.jsonl"))
	Expect(err).NotTo(HaveOccurred())
	Expect(os.WriteFile(path, []byte(lines.String()), 0o644)).To(Succeed())
	fmt.Print("\n", around.Table(all), "\nverdicts: ", path, "\n")
	Expect(shown).To(BeTrue(), "every verdict is unsupported: nothing was shown")
})
