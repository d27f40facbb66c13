package suite

import (
	"slices"
	"strings"

	. "github.com/onsi/ginkgo/v2"

	"github.com/iomapcheck/iomapcheck/harness/campaign"
	"github.com/iomapcheck/iomapcheck/vmimage/kernel"
)

// The specs are made from data when the tree is built: the flags decide which there are.
var _ = Describe("iomapcheck", func() {
	units, err := opts.units()
	if err != nil || stock.only() {
		return // TestSuite has said so
	}
	for _, name := range inOrder(split(opts.targets)) {
		elsewhere := campaign.Spread(units, name, kernelRelease(name))
		spec := func(i int) {
			u := units[i]
			It(u.CaseName()+" on "+u.FS.String(), labels(u, elsewhere[i]), func(ctx SpecContext) {
				judgeUnit(ctx, name, u)
			})
		}
		Context("on "+name, Label("target:"+name, "kernel:"+labelled(kernelOf(name))), func() {
			if name == "vm" {
				byFileSystem(units, spec)
				return
			}
			for i := range units {
				spec(i)
			}
		})
	}
})

// inOrder has the machines first: their specs are handed to Ginkgo's processes by the hundred, and the engine's fill up what is left.
func inOrder(targets []string) []string {
	slices.SortStableFunc(targets, func(a, b string) int { return strings.Compare(b, a) })
	return targets
}

// byFileSystem makes the specs of machines so that each process of Ginkgo has file systems of its own, where there are enough of them: its machines of a file
// system, once warmed, serve all of its cases, and another process would have to warm its own.
func byFileSystem(units []campaign.Unit, spec func(int)) {
	var systems []string
	for _, u := range units {
		systems = append(systems, u.FS.String())
	}
	slices.Sort(systems)
	systems = slices.Compact(systems)
	alone := []any{}
	if config, _ := GinkgoConfiguration(); len(systems) >= config.ParallelTotal {
		alone = []any{Ordered, ContinueOnFailure}
	}
	for _, fs := range systems {
		Context("with "+fs, append(alone, func() {
			for i, u := range units {
				if u.FS.String() == fs {
					spec(i)
				}
			}
		})...)
	}
}

// labels are what a unit's spec is selected by. Elsewhere is one that a short look leaves out: its rule is tried here by another variant, and its
// variant on another file system.
func labels(u campaign.Unit, elsewhere bool) Labels {
	l := Label("theme:"+u.Case.Theme(), "fs:"+u.FS.Name(), "fs:"+labelled(u.FS.String()))
	if u.Variant.Nightly {
		l = append(l, "nightly")
	}
	if elsewhere {
		l = append(l, "elsewhere")
	}
	return l
}

// kernelOf names the target's kernel as it was asked for, since nothing is resolved while the tree is built.
func kernelOf(target string) string {
	if target == "vm" {
		return opts.kernel
	}
	return opts.release
}

// kernelRelease is the release whose rows say which units can be tried on a target, as far as that can be told before a kernel is resolved.
func kernelRelease(target string) string {
	if series, ok := strings.CutPrefix(kernelOf(target), "debian:"); ok {
		if _, err := kernel.ParseVersion(series); err == nil {
			return series
		}
	}
	return opts.release
}

// labelled is a text as a label: with a dash for what means something in Ginkgo's filter language, as in fs:btrfs-nodatasum.
func labelled(text string) string {
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune("&|!,()/:", r) {
			return '-'
		}
		return r
	}, text)
}

// judgeUnit runs one unit and turns its verdict into the spec's.
func judgeUnit(ctx SpecContext, target string, u campaign.Unit) {
	GinkgoHelper()
	doing := &progress{}
	stop := AttachProgressReporter(doing.String)
	defer stop()
	runner := runnerFor(ctx, target)
	v := runner.Run(ctx, u, doing.set)
	attach(v)
	conclude(v)
}
