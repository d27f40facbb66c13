package suite

import (
	"strings"

	. "github.com/onsi/ginkgo/v2"

	"github.com/iomapcheck/iomapcheck/harness/campaign"
)

// The specs are made from data when the tree is built: the flags decide which there are.
var _ = Describe("iomapcheck", func() {
	units, err := opts.units()
	if err != nil || stock.only() {
		return // TestSuite has said so
	}
	for _, name := range split(opts.targets) {
		Context("on "+name, Label("target:"+name, "kernel:"+labelled(kernelOf(name))), func() {
			for _, u := range units {
				It(u.CaseName()+" on "+u.FS.String(), labels(u), func(ctx SpecContext) {
					judgeUnit(ctx, name, u)
				})
			}
		})
	}
})

// labels are what a unit's spec is selected by.
func labels(u campaign.Unit) Labels {
	l := Label("theme:"+u.Case.Theme(), "fs:"+u.FS.Name(), "fs:"+labelled(u.FS.String()))
	if u.Variant.Nightly {
		l = append(l, "nightly")
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
