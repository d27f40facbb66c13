package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/iomapcheck/iomapcheck/vmimage/cache"
	"github.com/iomapcheck/iomapcheck/vmimage/kernel"
	"github.com/iomapcheck/iomapcheck/vmimage/userland"
)

// status is how a check of the doctor came out.
type status string

// The statuses. Missing is what makes a run on the engine or on a virtual machine impossible.
const (
	statusOK      status = "ok"
	statusWarn    status = "warn"
	statusMissing status = "missing"
)

// finding is one line of the doctor's, as --json prints it.
type finding struct {
	Check  string `json:"check"`
	Status status `json:"status"`
	Detail string `json:"detail"`
	// Remedy is what to do about it, "" where nothing need be done.
	Remedy string `json:"remedy"`
}

func ok(format string, args ...any) finding {
	return finding{Status: statusOK, Detail: fmt.Sprintf(format, args...)}
}

func warn(remedy, format string, args ...any) finding {
	return finding{Status: statusWarn, Detail: fmt.Sprintf(format, args...), Remedy: remedy}
}

func missing(remedy, format string, args ...any) finding {
	return finding{Status: statusMissing, Detail: fmt.Sprintf(format, args...), Remedy: remedy}
}

// check is something that the doctor looks at.
type check struct {
	name  string
	limit time.Duration
	look  func(context.Context) finding
}

// grace is what a check gets beyond its limit to return by itself.
const grace = 2 * time.Second

// run looks, within bounds. A look that ends neither by itself nor with its context (a file system that does not answer) is left
// to the end of the process: the doctor must not hang with its patient.
func (c check) run(ctx context.Context) finding {
	bounded, cancel := context.WithTimeout(ctx, c.limit)
	defer cancel()
	answer := make(chan finding, 1)
	go func() { answer <- c.look(bounded) }()
	late := time.NewTimer(c.limit + grace)
	defer late.Stop()
	var f finding
	select {
	case f = <-answer:
	case <-late.C:
		f = missing("find out what hangs there", "no answer within %v", c.limit+grace)
	case <-ctx.Done():
		f = missing("", "interrupted")
	}
	f.Check, f.Detail, f.Remedy = c.name, oneLine(f.Detail), oneLine(f.Remedy)
	return f
}

// doctor looks at this machine.
type doctor struct {
	cache  cache.Dir
	runs   string
	agent  func() (string, error)
	noBoot bool
	// noFetch says not to fetch package lists.
	noFetch bool
}

// checks lists what is looked at, in the order of the report.
func (d *doctor) checks() []check {
	const moment = 10 * time.Second
	return []check{
		{"engine", moment, d.engine},
		{"agent", moment, d.staticAgent},
		{"qemu", moment, d.qemu},
		{"kvm", moment, d.kvm},
		{"acceleration", 30 * time.Second, d.acceleration},
		{"kernels", moment, d.kernels},
		{"guest-tools", moment, d.guestTools},
		{"dpkg-deb", moment, d.dpkgDeb},
		{"apt", time.Minute, d.apt},
		{"cache-space", moment, d.cacheSpace},
		{"runs-space", moment, d.runsSpace},
		{"memory", moment, d.memory},
		{"cores", moment, d.cores},
		{"go", moment, d.goToolchain},
	}
}

// cachedKernels are those that need no fetching; none if they cannot be listed.
func (d *doctor) cachedKernels() []kernel.Cached {
	kernels, _ := kernel.Resolver{Cache: d.cache}.Cached()
	return kernels
}

// supplied says whether a run with a cached kernel needs nothing from the package archive.
func (d *doctor) supplied() bool { return len(d.cachedKernels()) > 0 && userland.Cached(d.cache) }

func (a *app) doctor() *cobra.Command {
	d := &doctor{agent: agent}
	var asJSON bool
	cmd := &cobra.Command{
		Use: "doctor", Short: "says what this machine can do, and what to do about what it cannot", Args: cobra.NoArgs,
		Long: `doctor looks at what runs on the engine and on virtual machines need, one line a check: ok, warn (it works, but less well), or
missing (a run is not possible), and what to do about it. It finds out by trying: it runs a program on the engine, boots a
cached kernel under KVM (once; the answer is remembered), and fetches package lists if there are none of today.

Exit codes: 0 runs on the engine and on a virtual machine are possible, 125 they are not.`,
		Example: "  iomapcheck doctor\n  iomapcheck doctor --no-boot --no-fetch\n  iomapcheck doctor --json | jq -r 'select(.status != \"ok\") | .remedy'",
		RunE: func(cmd *cobra.Command, _ []string) error {
			d.cache, d.runs = a.cache(), a.runsDir
			return a.diagnose(cmd.Context(), d.checks(), asJSON)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "one JSON object a check: check, status, detail, remedy")
	cmd.Flags().BoolVar(&d.noBoot, "no-boot", false, "do not boot to find out the acceleration; show what is remembered")
	cmd.Flags().BoolVar(&d.noFetch, "no-fetch", false, "do not fetch package lists")
	return cmd
}

// diagnose prints the findings; the exit code is 125 where something is missing.
func (a *app) diagnose(ctx context.Context, checks []check, asJSON bool) error {
	var lacking []string
	for _, c := range checks {
		f := c.run(ctx)
		if f.Status == statusMissing {
			lacking = append(lacking, f.Check)
		}
		if err := a.printFinding(f, asJSON); err != nil {
			return fmt.Errorf("write findings: %w", err)
		}
	}
	sum := "runs on the engine and on virtual machines are possible here"
	if len(lacking) > 0 {
		a.code = exitInfra
		sum = "not every run is possible here, for want of: " + strings.Join(lacking, ", ")
	}
	if asJSON {
		return nil
	}
	_, err := fmt.Fprintln(a.out, sum)
	return err
}

func (a *app) printFinding(f finding, asJSON bool) error {
	if asJSON {
		return json.NewEncoder(a.out).Encode(f)
	}
	line := fmt.Sprintf("%-8s %-13s %s", f.Status, f.Check, f.Detail)
	if f.Remedy != "" {
		line += " → " + f.Remedy
	}
	_, err := fmt.Fprintln(a.out, line)
	return err
}
