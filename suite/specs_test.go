package suite

import (
	"strings"

	. "github.com/onsi/ginkgo/v2"

	"github.com/iomapcheck/iomapcheck/harness/campaign"
)

// The specs are made from data when the tree is built: the flags decide which there are.
var _ = Describe("iomapcheck", func() {
	units, err := opts.units()
	if err != nil {
		return // TestSuite has said so
	}
	for _, name := range split(opts.targets) {
		Context("on "+name, Label("target:"+name, "kernel:"+kernelLabel(name)), func() {
			for _, u := range units {
				It(u.CaseName()+" on "+u.FS.String(), Label("theme:"+u.Case.Theme(), "fs:"+u.FS.Name(), "fs:"+u.FS.String()), func(ctx SpecContext) {
					judgeUnit(ctx, name, u)
				})
			}
		})
	}
})

// kernelLabel names the kernel in labels: what was asked for, since nothing is resolved while the tree is built.
func kernelLabel(target string) string {
	kernel := opts.release
	if target == "vm" {
		kernel = opts.kernel
	}
	// Ginkgo's filter language gives meaning to these.
	return strings.NewReplacer(",", "_", "&", "_", "|", "_", "!", "_", "(", "_", ")", "_", "/", "_").Replace(kernel)
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
