package ktrace

import (
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// kernelRoot gives a real tracefs: the machine's, or one mounted for the test. Without either the test is skipped.
func kernelRoot(t *testing.T) string {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("tracing needs root")
	}
	if root, err := findRoot(files{}, ""); err == nil {
		return root
	}
	dir := t.TempDir()
	if err := unix.Mount("tracefs", dir, "tracefs", 0, ""); err != nil {
		t.Skipf("no tracefs here: %v", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return dir
}

func startKernel(t *testing.T, root string, cfg Config) (*Tracer, []Missing) {
	t.Helper()
	tr, missing, err := Start(t.Context(), root, cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := tr.Close(); err != nil {
			t.Error(err)
		}
		if left, err := filepath.Glob(tr.in.dir()); err != nil || len(left) > 0 {
			t.Errorf("left behind: %q, %v", left, err)
		}
	})
	return tr, missing
}

func now(t *testing.T) int64 {
	t.Helper()
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts); err != nil {
		t.Fatal(err)
	}
	return ts.Nano()
}

func TestTheKernelsEventsAreOnTheTasksClock(t *testing.T) {
	tr, missing := startKernel(t, kernelRoot(t), Config{Events: []string{"sched:sched_process_exec", "sched:no_such_event"}, BufferKiB: 256})
	if len(missing) != 1 || missing[0].Name != "sched:no_such_event" {
		t.Errorf("missing: %v", missing)
	}
	before := now(t)
	if err := exec.Command(os.Args[0], "-test.run=^$").Run(); err != nil {
		t.Fatal(err)
	}
	after := now(t)
	events, err := tr.Read(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range events {
		if e.Name == "sched:sched_process_exec" && strings.Contains(e.Fields, os.Args[0]) {
			if e.Time < before-Resolution || e.Time > after+Resolution {
				t.Errorf("%+v is not within [%d, %d]", e, before, after)
			}
			return
		}
	}
	t.Errorf("no execution of %s among %+v", os.Args[0], events)
}

func TestReadTakesNothingAway(t *testing.T) {
	tr, _ := startKernel(t, kernelRoot(t), Config{Events: []string{"sched:sched_process_exec"}})
	if err := exec.Command(os.Args[0], "-test.run=^$").Run(); err != nil {
		t.Fatal(err)
	}
	first, err := tr.Read(t.Context())
	if err != nil || len(first) == 0 {
		t.Fatalf("first read: %d events, %v", len(first), err)
	}
	if second, err := tr.Read(t.Context()); err != nil || !contains(second, first[0]) {
		t.Errorf("second read lacks %+v: %v", first[0], err)
	}
}

func TestAFullBufferIsALoss(t *testing.T) {
	tr, _ := startKernel(t, kernelRoot(t), Config{Events: []string{"raw_syscalls:sys_enter"}, BufferKiB: 4})
	for range 20000 {
		unix.Getppid()
	}
	events, err := tr.Read(t.Context())
	var lost *LostError
	if !errors.As(err, &lost) || lost.Overwritten < 10000 || len(events) == 0 {
		t.Errorf("%d events, %v", len(events), err)
	}
}

// The probe on ksys_read also sees the trace being read; that Read ends all the same is half of this test.
func TestProbesReportTheCallingThread(t *testing.T) {
	root := kernelRoot(t)
	if ok, err := (files{}).exists(filepath.Join(root, "kprobe_events")); err != nil || !ok {
		t.Skipf("this kernel has no kprobe events (%v)", err)
	}
	tr, missing := startKernel(t, root, Config{Probes: []Probe{
		{Name: "enter", Symbol: "ksys_read"},
		{Name: "leave", Symbol: "ksys_read", Return: true, Args: "ret=$retval:s64"},
		{Symbol: "no_such_function_of_any_kernel"},
	}})
	if len(missing) != 1 || missing[0].Name != "iomapcheck:no_such_function_of_any_kernel" || !strings.Contains(missing[0].Reason, "Invalid probed address") {
		t.Errorf("missing: %q", missing)
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if _, err := os.ReadFile("/proc/self/comm"); err != nil {
		t.Fatal(err)
	}
	events, err := tr.Read(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, e := range events {
		if e.PID == unix.Gettid() {
			seen[e.Name] = true
		}
	}
	if !seen["iomapcheck:enter"] || !seen["iomapcheck:leave"] {
		t.Errorf("thread %d did not hit both probes: %+v", unix.Gettid(), events)
	}
}

// victim, in the environment, makes the test binary start a Tracer, say so and wait to be killed; it ends with its input, too, so that it
// does not outlive the test.
const victim = "KTRACE_TEST_VICTIM"

func TestCleanRemovesWhatAKilledProcessLeft(t *testing.T) {
	if root := os.Getenv(victim); root != "" {
		beVictim(root)
	}
	root := kernelRoot(t)
	cmd := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$")
	cmd.Env = append(os.Environ(), victim+"="+root)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	left := instance{fs: files{}, root: root, pid: cmd.Process.Pid}
	if _, err := out.Read(make([]byte, 1)); err != nil {
		t.Errorf("wait for the victim's start: %v", err)
	}
	checkThere(t, left, true, Clean(root))
	if err := cmd.Process.Kill(); err != nil {
		t.Error(err)
	}
	cmd.Wait() // killed: its error is expected
	checkThere(t, left, true, nil)
	checkThere(t, left, false, Clean(root))
}

// beVictim never returns. It fails by ending early, which its parent sees.
func beVictim(root string) {
	if _, _, err := Start(context.Background(), root, Config{Events: []string{"sched:sched_process_exec"}, Probes: []Probe{{Symbol: "ksys_read"}}}); err == nil {
		os.Stdout.WriteString("!")
		io.Copy(io.Discard, os.Stdin)
	}
	os.Exit(1)
}

func checkThere(t *testing.T, i instance, want bool, err error) {
	t.Helper()
	got, statErr := i.fs.exists(i.dir())
	probes, readErr := readAll(t.Context(), i.fs, filepath.Join(i.root, "kprobe_events"))
	if errors.Is(readErr, os.ErrNotExist) {
		readErr = nil
	}
	if err := errors.Join(err, statErr, readErr); err != nil {
		t.Fatal(err)
	}
	if got != want || !want && len(probesOf(probes, i.group())) > 0 {
		t.Errorf("instance %s exists: %t, want %t; probes: %s", i.dir(), got, want, probes)
	}
}
