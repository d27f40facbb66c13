package ci

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// block is a piece of the README that a reader is told to run.
type block struct{ info, text string }

// blocks are the README's fenced pieces whose info string begins with sh.
func blocks(t *testing.T) []block {
	t.Helper()
	text, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	var out []block
	for i, part := range strings.Split(string(text), "```") {
		info, body, _ := strings.Cut(part, "\n")
		if i%2 == 1 && strings.HasPrefix(info, "sh") {
			out = append(out, block{info, body})
		}
	}
	return out
}

// The README's own two commands are what .ci/run runs and what it tells the reader to start with.
func TestREADMEBeginsWithTheCommandsThatCIRuns(t *testing.T) {
	first := blocks(t)[0]
	if first.text != "make suite\nmake test\n" {
		t.Errorf("the first commands are %q", first.text)
	}
	run, err := os.ReadFile("../.ci/run")
	if err != nil || !strings.Contains(string(run), "\nmake test\n") {
		t.Errorf(".ci/run does not run make test: %v", err)
	}
}

// TestREADMECommandsRunAsWritten runs the blocks marked ci in a shell that stops at the first failure. make readme asks for it:
// it boots machines.
func TestREADMECommandsRunAsWritten(t *testing.T) {
	if os.Getenv("IOMAPCHECK_README") == "" {
		t.Skip("make readme runs this")
	}
	image := ownKernel(t)
	ran := 0
	for _, b := range blocks(t) {
		if !strings.HasSuffix(b.info, " ci") {
			continue
		}
		ran++
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
		defer cancel()
		cmd := exec.CommandContext(ctx, "sh", "-eux", "-c", b.text)
		cmd.Dir = ".."
		cmd.Env = append(os.Environ(), "BZIMAGE="+image)
		out, err := cmd.CombinedOutput()
		t.Logf("%s", out)
		if err != nil {
			t.Fatalf("the README's commands fail: %v\n%s", err, b.text)
		}
	}
	if ran < 4 {
		t.Errorf("only %d pieces of the README were run", ran)
	}
	for _, left := range []string{"case.txt", "verdicts.jsonl", "repro.c", "repro"} {
		_ = os.Remove(filepath.Join("..", left))
	}
}

// ownKernel is a bzImage with its modules, as a reader's own would be: the cached one, by path.
func ownKernel(t *testing.T) string {
	t.Helper()
	cache := os.Getenv("IOMAPCHECK_CACHE")
	if cache == "" {
		dir, err := os.UserCacheDir()
		if err != nil {
			t.Fatal(err)
		}
		cache = filepath.Join(dir, "iomapcheck")
	}
	images, err := filepath.Glob(filepath.Join(cache, "kernels", "6.12*", "boot", "vmlinuz-*"))
	if err != nil || len(images) == 0 {
		t.Fatalf("no cached kernel below %s: run make suite first (%v)", cache, err)
	}
	return images[0] + ",modules=" + filepath.Dir(filepath.Dir(images[0]))
}
