package inside

import (
	"errors"
	"fmt"
	"os"
	osexec "os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/iomapcheck/iomapcheck/harness/hosttest"
)

// configured is the miniature tree with devices to test on, and our tests in it.
func configured(t *testing.T) (Tree, string) {
	t.Helper()
	tree, root := miniature(t)
	dir, device := hosttest.Ext4(t)
	scratch := hosttest.LoopDevice(t)
	config := fmt.Sprintf("FSTYP=ext4\nTEST_DIR=%s\nTEST_DEV=%s\nSCRATCH_DEV=%s\n", dir, device, scratch)
	if err := os.WriteFile(filepath.Join(root, "local.config"), []byte(config), 0o644); err != nil {
		t.Fatal(err)
	}
	return tree, root
}

// check runs the tree's check and gives what it printed, and whether it ended well.
func check(t *testing.T, root string, env []string, args ...string) (string, bool) {
	t.Helper()
	cmd := osexec.Command(filepath.Join(root, "check"), args...)
	cmd.Env = append(os.Environ(), env...)
	out, err := cmd.CombinedOutput()
	var ended *osexec.ExitError
	if err != nil && !errors.As(err, &ended) {
		t.Fatal(err)
	}
	return string(out), err == nil
}

// wants says what of the texts is not in the output.
func wants(t *testing.T, out string, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if !regexp.MustCompile(text).MatchString(out) {
			t.Errorf("no %q in:\n%s", text, out)
		}
	}
}

// The demonstration: install, run (pass, fail, not run, unexercised), uninstall, with the real program on this machine's kernel.
func TestCheckRunsTheCases(t *testing.T) {
	tree, root := configured(t)
	before := contents(t, root)
	hosttest.Command(t, hosttest.Program(t), "xfstests", "install", root)

	t.Run("pass", func(t *testing.T) { passes(t, root) })
	t.Run("program", func(t *testing.T) { programs(t, root) })
	t.Run("group", func(t *testing.T) {
		out, ok := check(t, root, nil, "-g", "iomap/nothing")
		if wants(t, out, "empty or not defined"); ok {
			t.Error("a group that is not there passes")
		}
	})

	if err := os.RemoveAll(filepath.Join(root, "results")); err != nil {
		t.Fatal(err)
	}
	hosttest.Command(t, "rm", "-r", filepath.Join(root, "tests/demo"))
	if _, err := tree.Uninstall(); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(before, contents(t, root)); diff != "" {
		t.Error(diff)
	}
}

// passes runs a case in $TEST_DIR, one on the programmable disk, and one for another file system.
func passes(t *testing.T, root string) {
	out, ok := check(t, root, nil, "iomap/003", "iomap/010", "iomap/024", "generic/001")
	if strings.Contains(out, "no programmable disk") {
		hosttest.Unable(t, errors.New(out))
	}
	wants(t, out, `iomap/003 passed`, `iomap/010 passed`, `iomap/024 \[not run\] iomapcheck: .*`, `generic/001 passed`)
	if !ok {
		t.Errorf("check failed:\n%s", out)
	}
	full, err := os.ReadFile(filepath.Join(root, "results/iomap/003.full"))
	if err != nil {
		t.Fatal(err)
	}
	wants(t, string(full), `must hold`, `witness seen: `, `--- history.txt`, `finally f, mapped`, `again .*run --target host --dir \S+ --case 'coherence/write-beside-dirty-block`)
}

// programs runs programs of the user's own as tests.
func programs(t *testing.T, root string) {
	demo := filepath.Join(root, "tests/demo")
	if err := os.Mkdir(demo, 0o755); err != nil {
		t.Fatal(err)
	}
	list := ""
	for number, program := range map[string]string{
		"001": "write f 0 4k o\nread f 0 4k = o\n",
		"002": "write f 0 4k o\nread f 0 4k = n\n",
		"003": "hold writes\nwrite f 0 4k o\n",
		"004": "write f 0 4k o\nwitness event iomap:iomap_dio_invalidate_fail\n",
	} {
		script := fmt.Sprintf("#! /bin/bash\n. ./common/preamble\n_begin_fstest auto\n. ./tests/iomap/case.sh\n_iomap_case '--program tests/demo/%s.program' dir\n", number)
		for name, text := range map[string]string{number: script, number + ".program": program, number + ".out": "QA output created by " + number + "\nSilence is golden\n"} {
			if err := os.WriteFile(filepath.Join(demo, name), []byte(text), 0o755); err != nil {
				t.Fatal(err)
			}
		}
		list += number + " auto\n"
	}
	if err := os.WriteFile(filepath.Join(demo, "group.list"), []byte(list), 0o644); err != nil {
		t.Fatal(err)
	}
	out, ok := check(t, root, nil, "-g", "demo/auto")
	if ok {
		t.Error("check passed with a test that fails")
	}
	wants(t, out, `demo/001 passed`, `demo/002 - output mismatch`, `-Silence is golden`, `\+program/002 on ext4: fail`, `\+  seen .*coherence: op 1: read f 0 4k = n`,
		`demo/003 \[not run\] iomapcheck: .*it takes the programmable disk`, `demo/004 - output mismatch`, `\+.* on ext4: unexercised`, `Failures:( demo/00[24]){2}`)
	for setting, want := range map[string]string{"notrun": `demo/004 \[not run\] iomapcheck: .*did not come about`, "pass": `demo/004 passed`, "maybe": `IOMAPCHECK_UNEXERCISED "maybe"`} {
		out, _ := check(t, root, []string{"IOMAPCHECK_UNEXERCISED=" + setting}, "demo/004")
		wants(t, out, want)
	}
}
