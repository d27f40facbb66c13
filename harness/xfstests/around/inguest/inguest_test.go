package inguest

import (
	"errors"
	"os"
	osexec "os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/iomapcheck/iomapcheck/harness/ktrace"
)

// lines of /proc/PID/stat as kernels write them, one with a name that tries to be more.
func TestTasksAreToldByTheirStat(t *testing.T) {
	for text, want := range map[string]struct {
		name, state string
		session     int
	}{
		"161 (fsx) D 160 150 149 0 -1 4194560 182 0 0":    {"fsx", "D", 149},
		"162 (a) R (b) S 1 162 162 34816 162 4194304 1 0": {"a) R (b", "S", 162},
		"": {}, "7 (short) S": {"short", "", 0},
	} {
		if name, state, session := parseStat(text); name != want.name || state != want.state || session != want.session {
			t.Errorf("%q: %q %q %d, want %v", text, name, state, session, want)
		}
	}
}

func TestTheStacksAreThoseOfTheSession(t *testing.T) {
	sleeper := osexec.CommandContext(t.Context(), "sleep", "1000")
	if err := sleeper.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = sleeper.Process.Kill(); _ = sleeper.Wait() }()
	stat, err := os.ReadFile("/proc/self/stat")
	if err != nil {
		t.Fatal(err)
	}
	_, _, session := parseStat(string(stat))
	if got := stacks(session); !strings.Contains(got, "sleep/") {
		t.Errorf("no sleep among\n%s", got)
	}
}

func TestEveryBranchHasASourceAndEverySourceABranch(t *testing.T) {
	all := map[string]bool{}
	for _, b := range Branches() {
		all[b] = false
	}
	seen := map[string]bool{}
	for _, s := range sources() {
		if _, known := all[s.branch]; !known || seen[s.name()] {
			t.Errorf("source %s of branch %s: unknown, or twice", s.name(), s.branch)
		}
		all[s.branch], seen[s.name()] = true, true
	}
	for b, has := range all {
		if !has {
			t.Errorf("nothing tells of %s", b)
		}
	}
}

func TestCountsAreByBranchAndWhatCannotBeSeenIsNoZero(t *testing.T) {
	c := &counting{missing: map[string]string{"xfs:xfs_iomap_invalid": "its module is not loaded", "iomapcheck:stale_page_cache": "inlined"}}
	var events []ktrace.Event
	for name, n := range map[string]int{
		"iomap:iomap_dio_invalidate_fail": 2, "iomapcheck:fallback": 3, "xfs:xfs_wb_data_iomap_invalid": 4, "xfs:xfs_wb_cow_iomap_invalid": 5, "iomapcheck:direct_io": 9,
	} {
		for range n {
			events = append(events, ktrace.Event{Name: name})
		}
	}
	var d Done
	c.sum(events, map[string]int64{"direct_io": 77, "fallback": 12}, &d)
	want := map[string]int64{DirectIO: 77, InvalidateFail: 2, InvalidatePages: 0, Fallback: 3, StaleWriteback: 9}
	for branch, n := range want {
		if got, ok := d.Branches[branch]; !ok || got != n {
			t.Errorf("%s: %d, %t; want %d", branch, got, ok, n)
		}
	}
	if len(d.Branches) != len(want) || len(d.Missing) != 2 || !strings.Contains(strings.Join(d.Missing, "\n"), "stale-page-cache: stale_page_cache: inlined") {
		t.Errorf("%v, missing %q", d.Branches, d.Missing)
	}
}

func TestOfAFileTheEndIsKept(t *testing.T) {
	path := filepath.Join(t.TempDir(), "full")
	if err := os.WriteFile(path, []byte("0123456789"), 0o644); err != nil {
		t.Fatal(err)
	}
	for limit, want := range map[int]string{3: "789", 100: "0123456789", 0: ""} {
		if got, err := tail(path, limit); err != nil || string(got) != want {
			t.Errorf("%d bytes: %q, %v; want %q", limit, got, err, want)
		}
	}
}

func TestHowCheckEndedIsToldFromOurFaults(t *testing.T) {
	failing := osexec.CommandContext(t.Context(), "sh", "-c", "exit 3")
	if d := conclude(failing.Run(), time.Second); d.Code != 3 || d.Error != "" {
		t.Errorf("exit 3: %+v", d)
	}
	if d := conclude(errors.New("no such file"), time.Second); d.Error == "" {
		t.Errorf("a program that cannot be run: %+v", d)
	}
}
