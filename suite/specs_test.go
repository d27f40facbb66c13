package suite

import (
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
	for _, name := range split(opts.targets) {
		elsewhere := campaign.Spread(units, name, kernelRelease(name))
		Context("on "+name, Label("target:"+name, "kernel:"+labelled(kernelOf(name))), func() {
			for i, u := range units {
				It(u.CaseName()+" on "+u.FS.String(), labels(u, elsewhere[i]), func(ctx SpecContext) {
					judgeUnit(ctx, name, u)
				})
			}
		})
	}
})

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
