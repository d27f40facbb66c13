package vm

import (
	"os"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/iomapcheck/iomapcheck/harness/target"
)

// soakJobs is how many jobs the soak has: IOMAPCHECK_SOAK, or few.
func soakJobs(t *testing.T) int {
	t.Helper()
	text := os.Getenv("IOMAPCHECK_SOAK")
	if text == "" {
		return 30
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatalf("IOMAPCHECK_SOAK=%s: want a number of jobs", text)
	}
	return n
}

// Job after job, each on a fresh kernel: none is lost, none is late, and nothing piles up in memory, on disk or among processes. What the
// first jobs make (snapshots, buffers) is there when counting begins.
func TestManyJobsInARowLeaveNothingBehind(t *testing.T) {
	tg := opened(t, Config{Cache: ownSnapshots(t)})
	job, n := small(t, "ext4"), soakJobs(t)
	const warmUp = 5
	for range warmUp {
		soakOne(t, tg, job)
	}
	before := used(t, tg)
	began, slowest := time.Now(), time.Duration(0)
	for i := range n {
		slowest = max(slowest, soakOne(t, tg, job))
		if (i+1)%100 == 0 {
			t.Logf("%d jobs in %v: %+v", i+1, time.Since(began).Round(time.Second), used(t, tg))
		}
	}
	took := time.Since(began)
	after := used(t, tg)
	t.Logf("%d jobs in %v: %.0f a minute, the slowest took %v; before %+v, after %+v",
		n, took.Round(time.Second), float64(n)/took.Minutes(), slowest.Round(time.Millisecond), before, after)
	if limit := tg.limits().run; slowest > limit {
		t.Errorf("a job took %v, longer than a program may", slowest)
	}
	after.check(t, before)
	tg.Close()
	if left := children(t); len(left) != 0 {
		t.Errorf("processes are left: %v", left)
	}
}

func soakOne(t *testing.T, tg *Target, job target.Job) time.Duration {
	t.Helper()
	began := time.Now()
	_, x := runs(t, tg, job)
	if !strings.Contains(x.Extra["qemu.txt"], "clone of snapshot") || x.Console == "" {
		t.Fatalf("not on a fresh kernel, or nothing of its console is kept:\n%s", x.Extra["qemu.txt"])
	}
	return time.Since(began)
}

// usage is what can pile up.
type usage struct {
	HeapMiB, RSSMiB int
	Descriptors     int
	Goroutines      int
	Snapshots       int // folders
	Temporary       int // folders of snapshots being made
}

func used(t *testing.T, tg *Target) usage {
	t.Helper()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return usage{
		HeapMiB: int(m.HeapInuse >> 20), RSSMiB: rss(t), Descriptors: entries(t, "/proc/self/fd"), Goroutines: runtime.NumGoroutine(),
		Snapshots: entries(t, tg.config.Cache.Path("snapshots")), Temporary: entries(t, tg.config.Cache.Path("snapshot-drafts")),
	}
}

// check allows for what differs from moment to moment: a clone that is being made or stopped, and Go's heap.
func (u usage) check(t *testing.T, before usage) {
	t.Helper()
	const perMachine = 32
	if u.HeapMiB > before.HeapMiB+32 || u.RSSMiB > before.RSSMiB+96 {
		t.Errorf("memory grew: %+v, before %+v", u, before)
	}
	if u.Descriptors > before.Descriptors+perMachine || u.Goroutines > before.Goroutines+2*perMachine {
		t.Errorf("descriptors or goroutines grew: %+v, before %+v", u, before)
	}
	if u.Snapshots != before.Snapshots || u.Temporary != 0 {
		t.Errorf("snapshots piled up: %+v, before %+v", u, before)
	}
}

func entries(t *testing.T, dir string) int {
	t.Helper()
	list, err := os.ReadDir(dir)
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	return len(list)
}

// rss is this process's memory in MiB.
func rss(t *testing.T) int {
	t.Helper()
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		t.Fatal(err)
	}
	pages, err := strconv.Atoi(strings.Fields(string(text))[1])
	if err != nil {
		t.Fatal(err)
	}
	return pages * os.Getpagesize() >> 20
}
