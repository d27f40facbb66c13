package suite

import (
	"os"
	"slices"
	"testing"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/iomapcheck/iomapcheck/harness/campaign"
	"github.com/iomapcheck/iomapcheck/harness/exec"
)

// TestMain is also a task process's main function, for targets that run programs on this machine.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == exec.TaskArg {
		os.Exit(exec.TaskMain())
	}
	os.Exit(m.Run())
}

func TestSuite(t *testing.T) {
	if _, err := opts.units(); err != nil {
		t.Fatal("nothing to run: ", err)
	}
	if _, err := stock.units(); err != nil {
		t.Fatal("nothing to run: ", err)
	}
	for _, name := range split(opts.targets) {
		if !slices.Contains(campaign.TargetNames(), name) {
			t.Fatalf("nothing to run: -iomap.target=%s: there are %v", name, campaign.TargetNames())
		}
	}
	go dieWith(starters())
	RegisterFailHandler(Fail)
	suite, reporter := GinkgoConfiguration()
	// A filter that matches nothing must not look like success.
	suite.FailOnEmpty = true
	RunSpecs(t, "iomapcheck", suite, reporter)
}
