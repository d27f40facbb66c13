package qemu

import (
	"bufio"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/iomapcheck/iomapcheck/vmimage/vmtest"
)

// limit is a last resort.
const limit = time.Minute

func testContext() context.Context { return context.Background() }

// needQEMU skips, or fails where a VM is required.
func needQEMU(t *testing.T) {
	t.Helper()
	if _, err := Find(t.Context(), ""); err != nil {
		vmtest.Unavailable(t, err)
	}
}

func startVM(t *testing.T, config Config) *VM {
	t.Helper()
	vm, err := Start(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { vm.Stop(context.Background()) })
	return vm
}

func awaitEnd(t *testing.T, vm *VM) {
	t.Helper()
	select {
	case <-vm.Done():
	case <-time.After(limit):
		t.Fatal("machine did not end")
	}
}

func TestAMissingQEMUIsOneLineWithWhatToInstall(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	_, err := Start(t.Context(), Config{})
	var infra *InfraError
	if !errors.As(err, &infra) || !errors.Is(err, ErrNoQEMU) || !strings.Contains(err.Error(), "apt-get install qemu-system-x86") ||
		strings.Contains(err.Error(), "\n") {
		t.Errorf("Start: %v", err)
	}
}

func TestAQEMUThatRefusesItsArgumentsIsQuotedInOneLine(t *testing.T) {
	_, err := Start(t.Context(), fake(t, "refuse"))
	var infra *InfraError
	if !errors.As(err, &infra) || !strings.Contains(err.Error(), "exit status 1: qemu: Could not open 'disk'") ||
		strings.Contains(err.Error(), "\n") {
		t.Errorf("Start: %v", err)
	}
}

func TestRunStateInternalErrorEndsTheMachineAsOurFailure(t *testing.T) {
	vm := startVM(t, fake(t, "internal-error"))
	awaitEnd(t, vm)
	var infra *InfraError
	if err := vm.Err(); !errors.As(err, &infra) || !errors.Is(err, ErrRunState) || !strings.Contains(err.Error(), "internal-error") {
		t.Errorf("Err() = %v", err)
	}
}

func TestAResetIsTheKernelsFailureAndQuotesTheConsole(t *testing.T) {
	vm := startVM(t, fake(t, "reset"))
	awaitEnd(t, vm)
	var boot *BootError
	if err := vm.Err(); !errors.As(err, &boot) || boot.Reason != "guest-reset" || !strings.Contains(err.Error(), "last words") {
		t.Errorf("Err() = %v", err)
	}
}

func TestAQEMUThatDiesByItselfIsOurFailure(t *testing.T) {
	vm := startVM(t, fake(t, "well"))
	if err := vm.process.handle.Signal(unix.SIGKILL); err != nil {
		t.Fatal(err)
	}
	awaitEnd(t, vm)
	var infra *InfraError
	if err := vm.Err(); !errors.As(err, &infra) || !strings.Contains(err.Error(), "killed") {
		t.Errorf("Err() = %v", err)
	}
	vm.Stop(t.Context())
	if vm.Err() == nil {
		t.Error("a Stop after the end hides the error")
	}
}

func TestStopKillsAQEMUThatDoesNotQuit(t *testing.T) {
	for _, role := range []string{"well", "deaf"} {
		vm := startVM(t, fake(t, role))
		cancelled, cancel := context.WithCancel(t.Context())
		if role == "deaf" {
			cancel()
		}
		vm.Stop(cancelled)
		cancel()
		if err := vm.Err(); err != nil {
			t.Errorf("%s: Err() after Stop = %v", role, err)
		}
		if vm.process.state == nil {
			t.Errorf("%s: not reaped", role)
		}
	}
}

func TestEveryDescriptorIsClosedWhenAMachineEnds(t *testing.T) {
	config := fake(t, "well")
	count := func() int {
		open, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			t.Fatal(err)
		}
		return len(open)
	}
	run := func() {
		vm := startVM(t, config)
		vm.Stop(t.Context())
	}
	run() // what the runtime opens once (its poller) does not count
	before := count()
	run()
	if after := count(); after != before {
		t.Errorf("%d descriptors before, %d after", before, after)
	}
	ours, theirs, err := SocketPair()
	if err != nil {
		t.Fatal(err)
	}
	defer ours.Close()
	t.Setenv("PATH", "")
	if _, err := Start(t.Context(), Config{Devices: []Device{Port{"x", theirs}}}); err == nil {
		t.Fatal("a machine without QEMU started")
	}
	if _, err := ours.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("a device's socket after a failed Start: %v, want EOF", err)
	}
}

func TestKillingTheOwnerLeavesNoQEMU(t *testing.T) {
	needQEMU(t)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	owner := exec.CommandContext(t.Context(), self)
	owner.Env = append(os.Environ(), playVariable+"=owner")
	if _, err := owner.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, err := owner.StdoutPipe()
	if err == nil {
		err = owner.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	line, _ := bufio.NewReader(out).ReadString('\n')
	pid, err := strconv.Atoi(strings.TrimSpace(line))
	if err != nil {
		t.Fatalf("owner said %q", line)
	}
	machine, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(machine)
	if ended(t, machine, 0) {
		t.Fatal("QEMU had ended before its owner was killed: the test shows nothing")
	}
	if err := owner.Process.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	_ = owner.Wait()
	if !ended(t, machine, limit) {
		t.Errorf("QEMU %d outlives its killed owner", pid)
	}
}

// ended waits until the process behind pidfd has ended.
func ended(t *testing.T, pidfd int, wait time.Duration) bool {
	t.Helper()
	fds := []unix.PollFd{{Fd: int32(pidfd), Events: unix.POLLIN}}
	for {
		n, err := unix.Poll(fds, int(wait.Milliseconds()))
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		return n > 0
	}
}

func TestDiagnoseTriesAnNMIWhenTheConsoleStaysSilent(t *testing.T) {
	vm := startVM(t, fake(t, "well"))
	ctx, cancel := context.WithCancel(t.Context())
	cancel() // do not wait for answers that the fake does not give
	report := vm.Diagnose(ctx)
	for _, want := range []string{"registers:", "does not take serial interrupts", "nmi:"} {
		if !strings.Contains(report, want) {
			t.Errorf("report lacks %q:\n%s", want, report)
		}
	}
}
