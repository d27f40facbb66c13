package main

import (
	"context"
	"fmt"
	"go/version"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// What the folders need, in bytes: to fetch and unpack a kernel and the tools (the packages' closure is large while it is being
// unpacked); to build images from them; and for the evidence of some runs.
const (
	needFetch = 1 << 30
	needImage = 128 << 20
	needRuns  = 64 << 20
)

func (d *doctor) cacheSpace(context.Context) finding {
	need := int64(needFetch)
	if d.supplied() {
		need = needImage
	}
	return space(string(d.cache), need, "--cache DIR or IOMAPCHECK_CACHE")
}

func (d *doctor) runsSpace(context.Context) finding {
	return space(d.runs, needRuns, "--runs DIR or IOMAPCHECK_RUNS")
}

// space looks whether a folder, which need not be there yet, can be written to and has room.
func space(dir string, need int64, instead string) finding {
	at := nearest(dir)
	var stat unix.Statfs_t
	if err := unix.Statfs(at, &stat); err != nil {
		return missing("choose another folder with "+instead, "%s: %v", dir, err)
	}
	if err := unix.Access(at, unix.W_OK); err != nil {
		return missing("choose another folder with "+instead, "%s cannot be written to: %v", at, err)
	}
	free := int64(stat.Bavail) * stat.Bsize
	if free < need {
		return missing("free some space, or choose another folder with "+instead, "%s free in %s, %s are needed", mebibytes(free), dir, mebibytes(need))
	}
	return ok("%s free in %s", mebibytes(free), dir)
}

// nearest is the folder itself or the first above it that is there.
func nearest(dir string) string {
	if abs, err := filepath.Abs(dir); err == nil {
		dir = abs
	}
	for !exists(dir) && dir != filepath.Dir(dir) {
		dir = filepath.Dir(dir)
	}
	return dir
}

// Memory of one guest, in KiB: what it is given, and what it cannot do without (it does not touch all of it).
const (
	guestMemory = 1 << 20
	leastMemory = 512 << 10
)

func (d *doctor) memory(context.Context) finding {
	available, err := availableMemory()
	const remedy = "end something else that runs here"
	switch {
	case err != nil:
		return warn("", "not known: %v", err)
	case available < leastMemory:
		return missing(remedy, "%d MiB available, a guest takes up to %d MiB", available>>10, guestMemory>>10)
	case available < 2*guestMemory:
		return warn(remedy+"; use --jobs 1", "%d MiB available, a guest takes up to %d MiB", available>>10, guestMemory>>10)
	}
	return ok("%d MiB available, enough for %d guests side by side", available>>10, available/guestMemory)
}

// availableMemory is MemAvailable of /proc/meminfo, in KiB.
func availableMemory() (int64, error) {
	text, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(text)) {
		var kib int64
		if _, err := fmt.Sscanf(line, "MemAvailable: %d kB", &kib); err == nil {
			return kib, nil
		}
	}
	return 0, fmt.Errorf("no MemAvailable in /proc/meminfo")
}

func (d *doctor) cores(context.Context) finding {
	n := runtime.NumCPU()
	if n == 1 {
		return warn("give this machine a second processor", "1 processor: guest and disk take turns on it")
	}
	return ok("%d processors; --jobs %d uses them", n, n)
}

// leastGo is what go.mod asks for.
const leastGo = "go1.26"

// goToolchain is needed by the suite only, which is compiled where it runs.
func (d *doctor) goToolchain(ctx context.Context) finding {
	const remedy = "install Go 1.26 or later; only the Ginkgo suite needs it"
	if _, err := exec.LookPath("go"); err != nil {
		return warn(remedy, "go is not installed")
	}
	out, err := output(ctx, "go", "env", "GOVERSION")
	if err != nil {
		return warn(remedy, "go does not run: %v", err)
	}
	release := strings.TrimSpace(out)
	if version.Compare(release, leastGo) < 0 {
		return warn(remedy, "%s is too old", release)
	}
	return ok("%s", release)
}

// output is what a program prints. It ends with the context, whatever the program has started.
func output(ctx context.Context, name string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.WaitDelay = time.Second
	out, err := cmd.Output()
	return string(out), err
}
