package around_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/iomapcheck/iomapcheck/harness/fsys"
	"github.com/iomapcheck/iomapcheck/harness/hosttest"
	"github.com/iomapcheck/iomapcheck/harness/judge"
	"github.com/iomapcheck/iomapcheck/harness/xfstests/around"
	"github.com/iomapcheck/iomapcheck/harness/xfstests/around/inguest"
	"github.com/iomapcheck/iomapcheck/vmimage/apt"
	"github.com/iomapcheck/iomapcheck/vmimage/qemu"
	"github.com/iomapcheck/iomapcheck/vmimage/vmtest"
)

// A miniature tree, whose check and tests are ours, in a small userland, in a real machine: every kind of end that a test can have.
func TestAMiniatureTreeRunsInAMachine(t *testing.T) {
	if testing.Short() {
		t.Skip("boots machines")
	}
	if _, err := qemu.Find(t.Context(), ""); err != nil {
		vmtest.Unavailable(t, err)
	}
	tree, err := around.OpenTree("testdata/mini")
	if err != nil {
		t.Fatal(err)
	}
	machines := openMachines(t, tree)
	runner := around.NewRunner(machines.Start)
	runner.Dir, runner.Tree, runner.KernelSpec, runner.Release = t.TempDir(), tree.Dir, "debian:6.12", machines.Release()
	t.Cleanup(runner.Close)
	units := plan(t, tree)
	for _, c := range []struct {
		test string
		want judge.Verdict
		text string
		file string // that the evidence must have
	}{
		{"mini/001", judge.OK, "", "001.full"},
		{"mini/002", judge.Fail, "- output mismatch (see /srv/results/mini/002.out.bad) -blue +red", "002.out.bad"},
		{"mini/003", judge.Unsupported, "this test needs a lion", "003.notrun"},
		{"mini/005", judge.Crash, "panic: kernel panic: sysrq triggered crash", "console.txt"},
		// The machine of the test before is gone: this one, which never ends, gets another.
		{"mini/004", judge.Hang, "did not end within 3s", "stacks.txt"},
	} {
		runner.Limit, runner.Report = 5*time.Minute, c.test != "mini/002"
		if c.want == judge.Hang {
			runner.Limit = 3 * time.Second
		}
		var doing []string
		v := runner.Run(t.Context(), units[c.test], func(what string) { doing = append(doing, what) })
		t.Log(v.Line())
		if v.Verdict.Verdict != c.want || !strings.HasPrefix(v.Text, c.text) {
			t.Errorf("%s: %s: %q, want %s: %q", c.test, v.Verdict.Verdict, v.Text, c.want, c.text)
		}
		if _, err := os.Stat(filepath.Join(v.Evidence, c.file)); err != nil {
			t.Errorf("%s: the evidence lacks %s", c.test, c.file)
		}
		if fresh := strings.Contains(strings.Join(doing, "\n"), "starting from a snapshot"); fresh != (c.test == "mini/001" || c.test == "mini/004") {
			t.Errorf("%s: a machine from a snapshot: %t; it did %q", c.test, fresh, doing)
		}
		if c.test == "mini/001" && v.Branches[inguest.DirectIO] != 2 {
			t.Errorf("%s: two direct writes, counted %v, missing %v", c.test, v.Branches, v.Missing)
		}
	}
}

// openMachines builds the miniature tree in the few packages that it needs.
func openMachines(t *testing.T, tree around.Tree) *around.Machines {
	t.Helper()
	dir := vmtest.CacheDir(t)
	archive := apt.Open(dir)
	archive.Report = func(line string) { t.Log(line) }
	images, err := around.Builder{Cache: dir, Archive: archive, Report: archive.Report, Packages: []string{
		"base-files", "base-passwd", "bash", "coreutils", "dash", "diffutils", "e2fsprogs", "mount", "sed"}}.Build(t.Context(), tree)
	if err != nil {
		vmtest.Unavailable(t, err)
	}
	machines, err := around.OpenMachines(t.Context(), around.Options{
		Kernel: "debian:6.12", Cache: dir, Agent: hosttest.Program(t), Images: images, DiskSize: 512 << 20, Report: archive.Report,
	})
	if err != nil {
		vmtest.Unavailable(t, err)
	}
	t.Cleanup(machines.Close)
	return machines
}

// plan are the tree's units on ext4 by test.
func plan(t *testing.T, tree around.Tree) map[string]around.Unit {
	t.Helper()
	tests, err := tree.Tests()
	if err != nil {
		t.Fatal(err)
	}
	spec, err := fsys.Parse("ext4")
	if err != nil {
		t.Fatal(err)
	}
	units, err := around.Plan(tests, around.Selection{Names: []string{"mini/*"}}, []around.Column{around.ColumnOf(spec)}, nil)
	if err != nil {
		t.Fatal(err)
	}
	byName := map[string]around.Unit{}
	for _, u := range units {
		byName[u.Test.Name] = u
	}
	return byName
}
