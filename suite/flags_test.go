package suite

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/iomapcheck/iomapcheck/cases"
	"github.com/iomapcheck/iomapcheck/harness/campaign"
)

// options are the suite's flags. They have their values once the test binary has parsed its command line, which is before any
// container's body runs.
type options struct {
	targets, kernel, release, fs, cases, accel, pressure string
	cache, runs, agent                                   string
	seed                                                 uint64
	budget                                               int
}

var opts = registerFlags(flag.CommandLine)

func registerFlags(fl *flag.FlagSet) *options {
	o := &options{}
	fl.StringVar(&o.targets, "iomap.target", "refengine,vm", "targets: refengine, vm")
	fl.StringVar(&o.kernel, "iomap.kernel", "debian:6.12", "kernel of the vm target: debian:SERIES, or PATH[,modules=DIR]")
	fl.StringVar(&o.release, "iomap.release", "6.12", "kernel release that the engine behaves like")
	fl.StringVar(&o.fs, "iomap.fs", "", "file systems, as in xfs,btrfs/nodatasum; default the plain ones")
	fl.StringVar(&o.cases, "iomap.case", "", "cases by glob, as in 'fallback/*'; default all")
	fl.StringVar(&o.pressure, "iomap.pressure", "none", "memory pressure that every case is put under: none, high, max, reclaim or hog")
	fl.StringVar(&o.accel, "iomap.accel", "", "kvm or tcg; empty finds out by booting, once")
	fl.StringVar(&o.cache, "iomap.cache", defaultCache(), "kernels, tools and images (environment: IOMAPCHECK_CACHE)")
	fl.StringVar(&o.runs, "iomap.runs", defaultRuns(), "evidence (environment: IOMAPCHECK_RUNS)")
	fl.StringVar(&o.agent, "iomap.agent", "", "static iomapcheck binary for the guest; empty builds it")
	fl.Uint64Var(&o.seed, "iomap.seed", 1, "seed of the engine's strategies")
	fl.IntVar(&o.budget, "iomap.budget", 200, "executions a case on the engine")
	return o
}

func defaultCache() string {
	if dir := os.Getenv("IOMAPCHECK_CACHE"); dir != "" {
		return dir
	}
	dir, err := os.UserCacheDir()
	if err != nil {
		dir = os.TempDir()
	}
	return filepath.Join(dir, "iomapcheck")
}

func defaultRuns() string {
	if dir := os.Getenv("IOMAPCHECK_RUNS"); dir != "" {
		return dir
	}
	return filepath.Join("reports", "runs")
}

// fromRoot makes a relative path one from the repository's root, where the suite is started: Ginkgo runs it in its own folder.
func fromRoot(path string) string {
	if path == "" || filepath.IsAbs(path) {
		return path
	}
	return filepath.Join("..", path)
}

// kernelSpec is the kernel flag with its paths taken from the repository's root.
func (o *options) kernelSpec() string {
	if strings.HasPrefix(o.kernel, "debian:") {
		return o.kernel
	}
	image, modules, ok := strings.Cut(o.kernel, ",modules=")
	image = fromRoot(image)
	if ok {
		image += ",modules=" + fromRoot(modules)
	}
	return image
}

// split takes a comma-separated list apart; empty gives none.
func split(list string) []string {
	return strings.FieldsFunc(list, func(r rune) bool { return r == ',' })
}

// units are what the flags pick; an error says what there is to pick from.
func (o *options) units() ([]campaign.Unit, error) {
	dial, err := campaign.ParsePressure(o.pressure)
	if err != nil {
		return nil, fmt.Errorf("-iomap.pressure: %w", err)
	}
	units, err := campaign.Plan(cases.Catalogue(), campaign.Selection{Cases: split(o.cases), FS: split(o.fs)})
	return campaign.UnderPressure(units, dial), err
}
