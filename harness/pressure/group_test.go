package pressure

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestKillsAreReadFromMemoryEvents(t *testing.T) {
	text := "low 0\nhigh 12\nmax 3\noom 2\noom_kill 1\noom_group_kill 0\n"
	if n, err := parseKills(text); n != 1 || err != nil {
		t.Errorf("got %d, %v", n, err)
	}
	for _, bad := range []string{"", "oom 2\n", "oom_kill many\n"} {
		if _, err := parseKills(bad); err == nil {
			t.Errorf("%q was read", bad)
		}
	}
}

func TestLimitsAreWrittenAsTheKernelReadsThem(t *testing.T) {
	dir := t.TempDir()
	for _, f := range []string{"memory.high", "memory.max"} {
		if err := os.WriteFile(filepath.Join(dir, f), nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	g := &Group{dir: dir}
	if err := errors.Join(g.SetHigh(8<<20), g.SetMax(-1)); err != nil {
		t.Fatal(err)
	}
	for f, want := range map[string]string{"memory.high": "8388608", "memory.max": "max"} {
		if got, err := os.ReadFile(filepath.Join(dir, f)); string(got) != want {
			t.Errorf("%s is %q (%v), want %q", f, got, err, want)
		}
	}
	if err := (&Group{dir: filepath.Join(dir, "gone")}).SetMax(1); err == nil || !strings.Contains(err.Error(), "memory.max") {
		t.Errorf("a group that is gone: %v", err)
	}
}

func TestAGroupIsMadeAndRemovedWhereTheMachineHasThem(t *testing.T) {
	g, err := New("iomapcheck-test")
	var unavailable *UnavailableError
	if errors.As(err, &unavailable) || errors.Is(err, os.ErrPermission) || errors.Is(err, os.ErrExist) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	if n, err := g.Kills(); n != 0 || err != nil {
		t.Errorf("kills: %d, %v", n, err)
	}
	if err := g.Close(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(g.Dir()); err == nil {
		t.Error("the folder is still there")
	}
}
