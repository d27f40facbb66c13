package ci

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// standIn is a program that runs nothing: it notes how it is called, leaves verdicts as iomapcheck would, and has the real one read them.
const standIn = `#!/bin/sh
echo "$*" >>"$CALLS"
run() {
	mkdir -p "$1" && echo '{"started": "2026-11-22T05:00:00Z"}' >"$1/run.json" && echo "$2" >>"$1/verdicts.jsonl"
	exit 1
}
case "$*" in
*" xfstests run "*)
	if [ -n "${BROKEN:-}" ]; then exit "$BROKEN"; fi
	run "$2/stock" '{"case":"mini/002","target":"xfstests","kernel":"6.12.117","fs":"ext4","column":"ext4","verdict":"fail","test_seconds":3,"branches":{"direct-io":2}}' ;;
*" run --target vm "*)
	run "$2/ours" '{"case":"coherence/dio-size-after-data","target":"vm","kernel":"6.12.117","fs":"ext4","verdict":"ok","witness":["seen: x"],"seconds":0.3}' ;;
*) exec ../bin/iomapcheck "$@" ;;
esac
`

// compared runs the week's script with the stand-in in a folder of the test's, and says what was called, what the script said, and its exit code.
func compared(t *testing.T, dir string, args []string, env ...string) (calls, said string, code int) {
	t.Helper()
	made(t, "bin/iomapcheck")
	program := filepath.Join(dir, "iomapcheck")
	root, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	text := strings.ReplaceAll(standIn, "../bin/iomapcheck", filepath.Join(root, "bin/iomapcheck"))
	if err := os.WriteFile(program, []byte(text), 0o755); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "./xfstests", args...)
	cmd.Env = append(os.Environ(), append([]string{
		"IOMAPCHECK=" + program, "OUT=" + dir, "CALLS=" + filepath.Join(dir, "calls"), "GITHUB_STEP_SUMMARY=" + filepath.Join(dir, "summary.md"),
		"XFSTESTS=../harness/xfstests/around/testdata/mini", "KERNEL=debian:6.12", "FS=ext4", "TESTS=mini/001 mini/002",
	}, env...)...)
	out, err := cmd.CombinedOutput()
	var ended *exec.ExitError
	if err != nil && !errors.As(err, &ended) {
		t.Fatal(err)
	}
	return read(t, filepath.Join(dir, "calls")), string(out), cmd.ProcessState.ExitCode()
}

// read is a file's text, "" where there is none.
func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	return string(text)
}

// A bad verdict of either kind is the tables' to tell: the job has done its work.
func TestTheWeeksComparisonRunsBothKindsAndMakesTheirTables(t *testing.T) {
	dir := t.TempDir()
	calls, said, code := compared(t, dir, nil)
	if code != 0 {
		t.Fatalf("exit code %d: %s", code, said)
	}
	tree, err := filepath.Abs("../harness/xfstests/around/testdata/mini")
	if err != nil {
		t.Fatal(err)
	}
	if want := fmt.Sprintf("--runs %s/xfstests-runs xfstests run --tree %s --kernel debian:6.12 --fs ext4 mini/001 mini/002\n", dir, tree); !strings.Contains(calls, want) {
		t.Errorf("want %s in\n%s", want, calls)
	}
	own := fmt.Sprintf("--runs %s/xfstests-runs run --target vm --kernel debian:6.12 --fs ext4 --case fallback/redirty-during-writeback,", dir)
	if n := strings.Count(calls, own); n != 3 {
		t.Errorf("our rules are run %d times:\n%s", n, calls)
	}
	tables := read(t, filepath.Join(dir, "xfstests.md"))
	for _, want := range []string{"| mini/002 |  | **fail** 3 s: direct-io 2 |", "| 3 of 3 runs on ext4 | 0.3 s on ext4 |"} {
		if !strings.Contains(tables, want) {
			t.Errorf("want %s in\n%s", want, tables)
		}
	}
	if summary := read(t, filepath.Join(dir, "summary.md")); summary != tables {
		t.Errorf("the job's summary is\n%s", summary)
	}
}

func TestTheWeeksComparisonFailsWhereItCannotDoItsWork(t *testing.T) {
	for _, c := range []struct {
		args, env []string
		code      int
		said      string
	}{
		{env: []string{"BROKEN=125"}, code: 125, said: "xfstests: no verdict came of: iomapcheck xfstests run (exit code 125)\n"},
		{env: []string{"BROKEN=2"}, code: 2, said: "(exit code 2)\n"},
		{env: []string{"XFSTESTS=nowhere"}, code: 2, said: "nowhere"},
		{env: []string{"IOMAPCHECK=/nonexistent"}, code: 125, said: "/nonexistent"},
		{args: []string{"all"}, code: 2, said: "XFSTESTS  an xfstests tree"},
	} {
		dir := t.TempDir()
		_, said, code := compared(t, dir, c.args, c.env...)
		if code != c.code || !strings.Contains(said, c.said) {
			t.Errorf("%v %v: exit code %d, want %d: %s", c.args, c.env, code, c.code, said)
		}
		if tables := read(t, filepath.Join(dir, "xfstests.md")); tables != "" {
			t.Errorf("%v %v: there are tables:\n%s", c.args, c.env, tables)
		}
	}
}

// Without a tree the release is cloned, once; a clone that fails leaves nothing that looks like one.
func TestTheWeeksComparisonClonesARelease(t *testing.T) {
	dir := t.TempDir()
	bin := filepath.Join(dir, "bin")
	git := func(script string) string {
		if err := os.MkdirAll(bin, 0o755); err != nil {
			t.Fatal(err)
		}
		text := "#!/bin/sh\necho \"git $*\" >>\"$CALLS\"\nfor last; do :; done\nmkdir -p \"$last\"\n" + script
		if err := os.WriteFile(filepath.Join(bin, "git"), []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
		_, said, code := compared(t, dir, nil, "XFSTESTS=", "PATH="+bin+":"+os.Getenv("PATH"))
		return fmt.Sprintf("exit code %d: %s", code, said)
	}
	if got := git("exit 1\n"); !strings.HasPrefix(got, "exit code 125: ") {
		t.Error(got)
	}
	for range 2 {
		if got := git("touch \"$last/check\"\n"); !strings.HasPrefix(got, "exit code 0: ") {
			t.Fatal(got)
		}
	}
	calls := read(t, filepath.Join(dir, "calls"))
	clone := "clone -q --depth 1 --branch v2026.01.27 https://git.kernel.org/pub/scm/fs/xfs/xfstests-dev.git " + dir + "/xfstests.part\n"
	if n := strings.Count(calls, clone); n != 2 {
		t.Errorf("cloned %d times, one of them in vain:\n%s", n, calls)
	}
	if n := strings.Count(calls, "--tree "+dir+"/xfstests --kernel"); n != 2 {
		t.Errorf("the clone is run %d times:\n%s", n, calls)
	}
}
