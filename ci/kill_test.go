package ci

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A kill that cannot be caught, of the suite or of the command that started it, leaves no QEMU, no socket and no temporary
// file behind.
func TestAKilledSuiteLeavesNothingBehind(t *testing.T) {
	if _, err := exec.LookPath("qemu-system-x86_64"); err != nil {
		if os.Getenv("IOMAPCHECK_REQUIRE_VM") == "1" {
			t.Fatal(err)
		}
		t.Skipf("no virtual machine can be run here: %v", err)
	}
	suite := filepath.Join(t.TempDir(), "suite.test")
	if out, err := exec.CommandContext(t.Context(), "go", "test", "-c", "-o", suite, "../suite").CombinedOutput(); err != nil {
		t.Fatalf("build the suite: %v\n%s", err, out)
	}
	for name, command := range map[string][]string{
		"the suite":   {suite},
		"its starter": {"sh", "-c", `"$0" "$@"; true`, suite},
	} {
		t.Run(name, func(t *testing.T) { killed(t, command) })
	}
}

// killed starts the suite, waits for its machine, kills what was started, and looks for leftovers.
func killed(t *testing.T, command []string) {
	temp := t.TempDir()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	// Half a minute's work and more, so that a suite that goes on is told from one that ended.
	args := append(command[1:len(command):len(command)], "-iomap.target=vm", "-iomap.runs="+filepath.Join(t.TempDir(), "runs"),
		"-iomap.fs=xfs,gfs2,btrfs,ext4,xfs/1k,gfs2/1k,btrfs/nodatasum,ext4/1k")
	cmd := exec.CommandContext(ctx, command[0], args...)
	cmd.Dir = "../suite"
	cmd.Env = append(os.Environ(), "TMPDIR="+temp)
	// A file and no pipe: writing to a pipe that nobody reads would end the suite too.
	out, err := os.Create(filepath.Join(t.TempDir(), "out"))
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	machine := 0
	await(ctx, t, "a machine of the suite", out.Name(), func() bool { machine = descendant(cmd.Process.Pid, "qemu-system"); return machine != 0 })
	before := sockets(t)
	if err := cmd.Process.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // it was killed
	soon, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	await(soon, t, "the end of its machine", out.Name(), func() bool { return !alive(machine) })
	if left, err := os.ReadDir(temp); err != nil || len(left) > 0 {
		t.Errorf("left in the temporary folder: %v, %v", left, err)
	}
	for path := range before {
		if strings.Contains(path, "iomapcheck") {
			t.Errorf("a socket has a name: %s", path)
		}
	}
}

// await polls for what no event tells of: the end of a process that is not our child.
func await(ctx context.Context, t *testing.T, what, out string, done func() bool) {
	t.Helper()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for !done() {
		select {
		case <-ctx.Done():
			text, _ := os.ReadFile(out)
			t.Fatalf("no sign of %s\n%s", what, text)
		case <-tick.C:
		}
	}
}

// descendant finds a process below pid whose command line begins with a program of that name; 0 for none.
func descendant(pid int, program string) int {
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	parent := map[int]int{}
	for _, path := range stats {
		text, _ := os.ReadFile(path)
		_, rest, ok := strings.Cut(string(text), ") ")
		fields := strings.Fields(rest)
		if !ok || len(fields) < 2 {
			continue
		}
		child, _ := strconv.Atoi(filepath.Base(filepath.Dir(path)))
		parent[child], _ = strconv.Atoi(fields[1])
	}
	for child := range parent {
		line, _ := os.ReadFile("/proc/" + strconv.Itoa(child) + "/cmdline")
		first, _, _ := strings.Cut(string(line), "\x00")
		if !strings.Contains(first, program) || strings.Contains(string(line), "--version") || strings.Contains(string(line), "-accel\x00help") {
			continue
		}
		for at := child; at > 1; at = parent[at] {
			if at == pid {
				return child
			}
		}
	}
	return 0
}

func alive(pid int) bool {
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	// A zombie whose new parent has not reaped it yet is gone for us.
	return err == nil && !strings.Contains(string(text), ") Z ")
}

// sockets are the names of the machine's Unix sockets.
func sockets(t *testing.T) map[string]bool {
	t.Helper()
	text, err := os.ReadFile("/proc/net/unix")
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]bool{}
	for line := range strings.Lines(string(text)) {
		if fields := strings.Fields(line); len(fields) == 8 {
			out[fields[7]] = true
		}
	}
	return out
}
