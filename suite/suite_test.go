package suite

import (
	"fmt"
	"os"
	"slices"
	"testing"
	"time"

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
	for _, name := range split(opts.targets) {
		if !slices.Contains(campaign.TargetNames(), name) {
			t.Fatalf("nothing to run: -iomap.target=%s: there are %v", name, campaign.TargetNames())
		}
	}
	go dieWithParent(os.Getppid())
	RegisterFailHandler(Fail)
	suite, reporter := GinkgoConfiguration()
	// A filter that matches nothing must not look like success.
	suite.FailOnEmpty = true
	RunSpecs(t, "iomapcheck", suite, reporter)
}

// dieWithParent ends this process, and with it every machine of ours, when the ginkgo command is gone: its kill would
// otherwise leave the suite running with nobody to read it. It ends with the process.
func dieWithParent(parent int) {
	for range time.Tick(200 * time.Millisecond) {
		if os.Getppid() != parent {
			fmt.Fprintln(os.Stderr, "iomapcheck: the process that started the suite is gone")
			os.Exit(1)
		}
	}
}
