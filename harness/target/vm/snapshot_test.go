package vm

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/iomapcheck/iomapcheck/harness/fsys"
	"github.com/iomapcheck/iomapcheck/harness/hosttest"
	"github.com/iomapcheck/iomapcheck/harness/judge"
	"github.com/iomapcheck/iomapcheck/harness/prog"
	"github.com/iomapcheck/iomapcheck/harness/target"
	"github.com/iomapcheck/iomapcheck/vmimage/cache"
	"github.com/iomapcheck/iomapcheck/vmimage/qemu"
	"github.com/iomapcheck/iomapcheck/vmimage/vmtest"
)

// opened is a target on Debian's 6.12 with snapshots of its own in a cache that has everything else; or the test is skipped where no
// machine can be had (IOMAPCHECK_REQUIRE_VM=1 makes that a failure).
func opened(t testing.TB, config Config) *Target {
	t.Helper()
	if _, err := qemu.Find(t.Context(), ""); err != nil {
		vmtest.Unavailable(t, err)
	}
	if config.Cache == "" {
		config.Cache = vmtest.CacheDir(t)
	}
	if config.Agent == "" {
		config.Agent = hosttest.Program(t)
	}
	if config.Report == nil {
		config.Report = func(line string) { t.Log(line) }
	}
	config.Kernel = "debian:6.12"
	tg, err := Open(t.Context(), config)
	if err != nil {
		vmtest.Unavailable(t, err)
	}
	t.Cleanup(tg.Close)
	return tg
}

// ownSnapshots is the shared cache with snapshots of the test's own, which it may damage.
func ownSnapshots(t *testing.T) cache.Dir {
	t.Helper()
	shared := vmtest.CacheDir(t)
	entries, err := os.ReadDir(string(shared))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	own := t.TempDir()
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), "snapshot") {
			continue
		}
		if err := os.Symlink(shared.Path(e.Name()), filepath.Join(own, e.Name())); err != nil {
			t.Fatal(err)
		}
	}
	return cache.Dir(own)
}

// small is a job of two operations.
func small(t testing.TB, fs string) target.Job {
	t.Helper()
	p, err := prog.Parse("direct-write f 0 4k n\nread f 0 4k = n\n")
	if err != nil {
		t.Fatal(err)
	}
	spec, err := fsys.Parse(fs)
	if err != nil {
		t.Fatal(err)
	}
	return target.Job{Program: p, FS: spec, Name: t.Name()}
}

// runs runs a job and returns what came of it.
func runs(t testing.TB, tg *Target, job target.Job) (judge.Result, target.Execution) {
	t.Helper()
	var x target.Execution
	if err := tg.Run(t.Context(), job, func(got target.Execution) bool { x = got; return false }); err != nil {
		t.Fatal(err)
	}
	res := judge.Judge(job.Program, x.History)
	if res.Verdict != judge.OK {
		t.Errorf("got %s", res.Summary())
	}
	return res, x
}

func TestADamagedSnapshotIsMadeAnewAndTheJobIsDone(t *testing.T) {
	dir, agent := ownSnapshots(t), hosttest.Program(t)
	first := opened(t, Config{Cache: dir, Agent: agent})
	_, x := runs(t, first, small(t, "xfs"))
	if !strings.Contains(x.Extra["qemu.txt"], "clone of snapshot") {
		t.Errorf("the first job was not done by a clone:\n%s", x.Extra["qemu.txt"])
	}
	first.Close()
	files, err := filepath.Glob(dir.Path("snapshots", "*", "ram"))
	if err != nil || len(files) != 2 {
		t.Fatalf("snapshots %q, %v; want one of the booted machine and one of the prepared", files, err)
	}
	for _, ram := range files {
		if err := os.Truncate(ram, 1<<20); err != nil {
			t.Fatal(err)
		}
	}
	var reports []string
	second := opened(t, Config{Cache: dir, Agent: agent, Report: func(line string) { reports = append(reports, line) }})
	runs(t, second, small(t, "xfs"))
	if n := len(slices.DeleteFunc(slices.Clone(reports), func(r string) bool { return !strings.Contains(r, "damaged") })); n != 2 {
		t.Errorf("reported %q, want damage twice", reports)
	}
}

func TestWhereSnapshotsFailMachinesBootAndAfterThreeFailuresNothingIsTried(t *testing.T) {
	dir := ownSnapshots(t)
	// A file in the place of the folder: no snapshot can be published.
	if err := os.WriteFile(dir.Path("snapshot-drafts"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	var reports []string
	tg := opened(t, Config{Cache: dir, Report: func(line string) { reports = append(reports, line) }})
	for range 2 {
		_, x := runs(t, tg, small(t, "ext4"))
		if strings.Contains(x.Extra["qemu.txt"], "snapshot") {
			t.Errorf("a clone of what?\n%s", x.Extra["qemu.txt"])
		}
	}
	text := strings.Join(reports, "\n")
	if strings.Count(text, "no snapshot, booting instead") != maxSnapshotFailures || !strings.Contains(text, "boots from here on") {
		t.Errorf("reported:\n%s", text)
	}
}

// A QEMU that is killed while a snapshot is made leaves none, and the job is done on a machine that boots.
func TestAQEMUKilledWhileASnapshotIsMadeCostsNoJob(t *testing.T) {
	tg := opened(t, Config{Cache: ownSnapshots(t)})
	job := small(t, "xfs")
	killed := false
	job.Watch = func(doing string) {
		if doing == "make the file system" && !killed {
			killed = true
			killChildren(t)
		}
	}
	var got *target.Execution
	err := tg.Run(t.Context(), job, func(x target.Execution) bool { got = &x; return false })
	var fault *target.FaultError
	if !killed || err == nil || !errors.As(err, &fault) {
		t.Fatalf("killed %v, got %v and %v: a machine that is killed from outside is our fault", killed, got, err)
	}
	job.Watch = nil
	runs(t, tg, job)
}

// killChildren kills the QEMUs of this process.
func killChildren(t *testing.T) {
	t.Helper()
	for _, pid := range children(t) {
		if p, err := os.FindProcess(pid); err == nil {
			_ = p.Kill()
		}
	}
}

// children are the QEMUs of this process.
func children(t *testing.T) []int {
	t.Helper()
	tasks, err := filepath.Glob("/proc/self/task/*/children")
	if err != nil {
		t.Fatal(err)
	}
	var all []int
	for _, list := range tasks {
		text, _ := os.ReadFile(list)
		for pid := range strings.FieldsSeq(string(text)) {
			command, _ := os.ReadFile("/proc/" + pid + "/cmdline")
			if n, err := strconv.Atoi(pid); err == nil && strings.Contains(string(command), "qemu-system") {
				all = append(all, n)
			}
		}
	}
	return all
}

// A clone that is not woken goes on in the snapshot's time: the later it is made, the farther back it is.
func TestEveryCloneHasTheRightTimeAndRandomNumbersOfItsOwn(t *testing.T) {
	tg := opened(t, Config{Shell: true})
	l, err := tg.bootedLevel(t.Context(), shape{}, func(string) {})
	if err != nil {
		t.Fatal(err)
	}
	const older = 3 * time.Second // the snapshot, than the last clone
	seen := map[string]bool{}
	for began := time.Now(); len(seen) < 2 || time.Since(began) < older; {
		before := time.Now()
		out := inClone(t, tg, l, "cat /proc/sys/kernel/random/uuid; date +%s")
		var uuid string
		var at int64
		if _, err := fmt.Sscan(out, &uuid, &at); err != nil {
			t.Fatalf("%q: %v", out, err)
		}
		if at < before.Unix() || at > time.Now().Unix() {
			t.Errorf("a clone says %v between %v and %v", time.Unix(at, 0), before, time.Now())
		}
		if seen[uuid] {
			t.Fatalf("two clones have the same random number %s", uuid)
		}
		seen[uuid] = true
	}
}

func inClone(t *testing.T, tg *Target, l *level, line string) string {
	t.Helper()
	m, err := tg.awake(t.Context(), l, tg.clone)
	if err != nil {
		t.Fatal(err)
	}
	defer m.stop()
	return command(t, m, line)
}

// command runs a line of shell in a machine.
func command(t *testing.T, m *machine, line string) string {
	t.Helper()
	var out bytes.Buffer
	s := m.newShell(Shell{Command: line, Watch: func(string) {}})
	defer s.end()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	if err := s.start(); err != nil {
		t.Fatal(err)
	}
	if exit, err := s.attendTo(ctx, streams{strings.NewReader(""), &out, &out}, nil); err != nil || exit.Code != 0 {
		t.Fatalf("%s: %+v, %v: %s", line, exit, err, out.String())
	}
	return out.String()
}
