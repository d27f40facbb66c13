package pressure

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/containerd/cgroups/v3/cgroup2"
	"github.com/containerd/cgroups/v3/cgroup2/stats"
)

// Counters are what the kernel has counted in a memory cgroup since it was made (Documentation/admin-guide/cgroup-v2.rst: memory.stat,
// memory.events, memory.pressure). What a kernel does not tell is 0.
type Counters struct {
	// Scanned, Stolen and Refaulted are pages: looked at by reclaim, taken by it, and read again soon after.
	Scanned, Stolen, Refaulted uint64
	// High and Max are how often use went over memory.high and to memory.max; Killed is how many processes that cost.
	High, Max, Killed uint64
	// Stalled is for how long some task waited for memory (PSI).
	Stalled time.Duration
}

// Counters reads them.
func (g *Group) Counters() (Counters, error) {
	stat, err := g.manager.StatFiltered(cgroup2.StatMemory | cgroup2.StatMemoryEvents)
	if err != nil {
		return Counters{}, fmt.Errorf("read the counters of memory cgroup %s: %w", g.dir, err)
	}
	c := counters(stat.GetMemory(), stat.GetMemoryEvents())
	text, err := os.ReadFile(filepath.Join(g.dir, "memory.stat"))
	if err != nil {
		return Counters{}, fmt.Errorf("read the counters of memory cgroup %s: %w", g.dir, err)
	}
	c.Refaulted += refaults(string(text))
	return c, nil
}

// refaults are those of files, by the name that memory.stat has for them since 5.9; the library knows the one before.
func refaults(stat string) uint64 {
	_, after, _ := strings.Cut(stat, "workingset_refault_file ")
	digits, _, _ := strings.Cut(after, "\n")
	n, _ := strconv.ParseUint(digits, 10, 64)
	return n
}

func counters(m *stats.MemoryStat, e *stats.MemoryEvents) Counters {
	return Counters{
		Scanned: m.GetPgscan(), Stolen: m.GetPgsteal(), Refaulted: m.GetWorkingsetRefault(),
		High: e.GetHigh(), Max: e.GetMax(), Killed: e.GetOomKill(),
		Stalled: time.Duration(m.GetPSI().GetSome().GetTotal()) * time.Microsecond,
	}
}

// String is the counters on one line, without those that are 0.
func (c Counters) String() string {
	var parts []string
	add := func(n uint64, what string) {
		if n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, what))
		}
	}
	add(c.Scanned, "pages scanned")
	add(c.Stolen, "stolen")
	add(c.Refaulted, "refaulted")
	add(c.High, "times over memory.high")
	add(c.Max, "times at memory.max")
	add(c.Killed, "processes killed")
	if c.Stalled > 0 {
		parts = append(parts, fmt.Sprintf("some task stalled for %v", c.Stalled))
	}
	if parts == nil {
		return "nothing was counted"
	}
	return strings.Join(parts, ", ")
}

// Counted is how many pages reclaim has taken, and all counters on one line.
func (g *Group) Counted() (taken int64, all string, err error) {
	c, err := g.Counters()
	return int64(c.Stolen), c.String(), err
}
