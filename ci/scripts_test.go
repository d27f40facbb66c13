package ci

import (
	"bufio"
	"crypto/sha256"
	"debug/elf"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// made runs make in the repository, with what it makes in a folder of the test's.
func made(t *testing.T, args ...string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "make", append([]string{"--no-print-directory", "-C", ".."}, args...)...).CombinedOutput()
	if err != nil {
		t.Fatalf("make %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

func TestAReleaseIsAStaticProgramWithItsChecksum(t *testing.T) {
	dir := t.TempDir()
	made(t, "release", "VERSION=v1.2.3", "DIST="+dir)
	f, err := os.Open(filepath.Join(dir, "SHA256SUMS"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	n := 0
	for s := bufio.NewScanner(f); s.Scan(); n++ {
		sum, name, _ := strings.Cut(s.Text(), "  ")
		path := filepath.Join(dir, name)
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprintf("%x", sha256.Sum256(text)); got != sum {
			t.Errorf("%s: checksum %s, the list has %s", name, got, sum)
		}
		static(t, path)
	}
	if n != 1 {
		t.Errorf("%d programs", n)
	}
}

func static(t *testing.T, path string) {
	f, err := elf.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP {
			t.Errorf("%s is linked dynamically", path)
		}
	}
}

func TestAReleaseNeedsAVersion(t *testing.T) {
	for _, version := range []string{"", "1.2.3", "main"} {
		cmd := exec.CommandContext(t.Context(), "./release", version)
		if out, err := cmd.CombinedOutput(); err == nil {
			t.Errorf("version %q: %s", version, out)
		}
	}
}

func TestFuzzRunsATargetByNameAndSaysWhenThereIsNone(t *testing.T) {
	if out := made(t, "fuzz", "FUZZ=FuzzReadNeverPanics", "FUZZTIME=100x"); !strings.Contains(out, "== harness/history FuzzReadNeverPanics\n") || !strings.Contains(out, "ok ") {
		t.Error(out)
	}
	if out, err := exec.CommandContext(t.Context(), "./fuzz", "FuzzNothing").CombinedOutput(); err == nil || !strings.Contains(string(out), "there is no target FuzzNothing") {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestMutantsMakesItsTable(t *testing.T) {
	dir := t.TempDir()
	made(t, "mutants", "REPORTS="+dir, "MUTANTS=--fs xfs --case fallback/redirty-during-writeback --mutant dio-ignore-invalidate-failure --runs "+t.TempDir())
	text, err := os.ReadFile(filepath.Join(dir, "mutants.md"))
	if err != nil || !strings.Contains(string(text), "| dio-ignore-invalidate-failure |") {
		t.Errorf("%v\n%s", err, text)
	}
}
