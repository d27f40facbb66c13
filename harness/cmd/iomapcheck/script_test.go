package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	osexec "os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/iomapcheck/iomapcheck/vmimage/cache"
	"github.com/iomapcheck/iomapcheck/vmimage/kernel"
)

// TestMain makes the test binary the program too, so that scripts need no build: also as a guest's PID 1, and as a task there.
func TestMain(m *testing.M) {
	if isTask() || isGuest() {
		main()
	}
	testscript.Main(m, map[string]func(){"iomapcheck": main})
}

// TestScript runs the scripts. Besides testscript's own commands they have:
//
//	exits N COMMAND…   the command ends with exit code N
//	one-line           the last command's standard error is one line
//	json-lines KEY…    every line of the last command's standard output is an object with these keys
//	static             $IOMAPCHECK becomes a program that can be a guest's PID 1
func TestScript(t *testing.T) {
	build := sync.OnceValues(func() (string, error) { return staticProgram(t.TempDir()) })
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script", RequireExplicitExec: true, RequireUniqueNames: true, Condition: condition,
		Setup: setup,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits": exits, "one-line": isOneLine, "json-lines": jsonLines,
			"static": func(ts *testscript.TestScript, _ bool, _ []string) {
				path, err := build()
				ts.Check(err)
				ts.Setenv("IOMAPCHECK", path)
			},
		},
	})
}

// setup gives a script folders of its own, and the kernels that this machine has in $KERNELS.
func setup(env *testscript.Env) error {
	program, err := osexec.LookPath("iomapcheck")
	if err != nil {
		return err
	}
	env.Setenv("IOMAPCHECK", program)
	env.Setenv("IOMAPCHECK_CACHE", filepath.Join(env.WorkDir, "cache"))
	env.Setenv("IOMAPCHECK_RUNS", filepath.Join(env.WorkDir, "runs"))
	env.Setenv("KERNELS", string(realCache()))
	return nil
}

func realCache() cache.Dir { return cache.Dir(defaultDir("IOMAPCHECK_CACHE", os.UserCacheDir)) }

// condition knows vm: a virtual machine can be run without fetching anything, or must be.
func condition(name string) (bool, error) {
	if name != "vm" {
		return false, fmt.Errorf("unknown condition %s", name)
	}
	if os.Getenv("IOMAPCHECK_REQUIRE_VM") == "1" {
		return true, nil
	}
	kernels, err := kernel.Resolver{Cache: realCache()}.Cached()
	if err != nil || len(kernels) == 0 {
		return false, nil
	}
	_, err = osexec.LookPath("qemu-system-x86_64")
	return err == nil, nil
}

// staticProgram is this test binary, or, where that is linked dynamically (the race detector needs it so), one that is built.
func staticProgram(dir string) (string, error) {
	if path, err := agent(); err == nil {
		// Under another name testscript would take it for the test.
		return filepath.Join(dir, "iomapcheck"), os.Symlink(path, filepath.Join(dir, "iomapcheck"))
	}
	path := filepath.Join(dir, "iomapcheck")
	cmd := osexec.Command("go", "build", "-o", path, ".")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build a static program: %w: %s", err, out)
	}
	return path, nil
}

func exits(ts *testscript.TestScript, _ bool, args []string) {
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	var ended *osexec.ExitError
	if err := ts.Exec(args[1], args[2:]...); errors.As(err, &ended) {
		got = ended.ExitCode()
	} else {
		ts.Check(err)
	}
	if got != want {
		ts.Fatalf("%s ended with exit code %d, want %d", strings.Join(args[1:], " "), got, want)
	}
}

func isOneLine(ts *testscript.TestScript, _ bool, _ []string) {
	if text := ts.ReadFile("stderr"); strings.Count(text, "\n") != 1 || !strings.HasPrefix(text, "iomapcheck: ") {
		ts.Fatalf("want one line on standard error, beginning with the program's name, got %q", text)
	}
}

func jsonLines(ts *testscript.TestScript, _ bool, keys []string) {
	text := ts.ReadFile("stdout")
	if text == "" {
		ts.Fatalf("standard output is empty")
	}
	for line := range strings.Lines(text) {
		object := map[string]any{}
		ts.Check(json.Unmarshal([]byte(line), &object))
		for _, key := range keys {
			if value, found := object[key]; !found || value == nil {
				ts.Fatalf("no %s in %s", key, line)
			}
		}
	}
}
