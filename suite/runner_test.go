package suite

import (
	"context"
	"os"
	osexec "os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/iomapcheck/iomapcheck/harness/campaign"
	"github.com/iomapcheck/iomapcheck/vmimage/cache"
)

// prepared is what process 1 makes for all: the guest's agent and the place of this run's evidence.
type prepared struct{ Agent, Runs string }

// runners are this process's, a target each; opened when first needed, since a selection may need only one.
var runners = struct {
	sync.Mutex
	prepared
	byTarget map[string]*campaign.Runner
}{byTarget: map[string]*campaign.Runner{}}

var _ = SynchronizedBeforeSuite(func(ctx SpecContext) []byte {
	runs, err := filepath.Abs(filepath.Join(fromRoot(opts.runs), time.Now().Format("20060102-150405")))
	Expect(err).NotTo(HaveOccurred())
	agent := fromRoot(opts.agent)
	if agent == "" && (stock.tree != "" || slices.Contains(split(opts.targets), "vm")) {
		agent = buildAgent(ctx)
	}
	return []byte(agent + "\n" + runs)
}, func(_ SpecContext, data []byte) {
	agent, runs, _ := strings.Cut(string(data), "\n")
	runners.prepared = prepared{Agent: agent, Runs: runs}
	DeferCleanup(closeRunners)
}, NodeTimeout(10*time.Minute))

// buildAgent builds the guest's PID 1. The file stays in the cache: a temporary folder would be left behind by a kill.
func buildAgent(ctx context.Context) string {
	GinkgoHelper()
	dir := cache.Dir(fromRoot(opts.cache))
	unlock, err := dir.Lock(ctx, "agent")
	Expect(err).NotTo(HaveOccurred())
	defer unlock()
	path, err := filepath.Abs(dir.Path("agent", "iomapcheck"))
	Expect(err).NotTo(HaveOccurred())
	build := osexec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags=-s -w", "-o", path, "../harness/cmd/iomapcheck")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	out, err := build.CombinedOutput()
	Expect(err).NotTo(HaveOccurred(), "build the guest's agent: %s", out)
	return path
}

// runnerFor is the process's runner for a target. That it cannot be opened is our fault, and fails every spec that needs it.
func runnerFor(ctx context.Context, target string) *campaign.Runner {
	GinkgoHelper()
	runners.Lock()
	defer runners.Unlock()
	if r := runners.byTarget[target]; r != nil {
		return r
	}
	t, err := campaign.OpenTarget(ctx, target, campaign.TargetOptions{
		Kernel: opts.kernelSpec(), Release: opts.release, Accel: opts.accel, Cache: cache.Dir(fromRoot(opts.cache)), Agent: runners.Agent,
		Report: func(line string) { GinkgoWriter.Println(line) },
	})
	if err != nil {
		Fail("infra: " + err.Error())
	}
	r := &campaign.Runner{Target: t, Runs: runners.Runs, Seed: opts.seed, Budget: opts.budget}
	if target == "vm" {
		r.KernelSpec = opts.kernelSpec()
	}
	runners.byTarget[target] = r
	return r
}

func closeRunners() {
	runners.Lock()
	defer runners.Unlock()
	for _, r := range runners.byTarget {
		r.Target.Close()
	}
	clear(runners.byTarget)
}
