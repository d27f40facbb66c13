package pressure

import (
	"testing"
	"time"

	"github.com/containerd/cgroups/v3/cgroup2/stats"
)

func TestCountersSayWhatWasCountedAndNothingElse(t *testing.T) {
	m := &stats.MemoryStat{Pgscan: 40, Pgsteal: 30, WorkingsetRefault: 2, PSI: &stats.PSIStats{Some: &stats.PSIData{Total: 1500}}}
	for want, c := range map[string]Counters{
		"40 pages scanned, 30 stolen, 2 refaulted, 3 times over memory.high, 1 processes killed, some task stalled for 1.5ms": counters(m,
			&stats.MemoryEvents{High: 3, OomKill: 1}),
		"nothing was counted": counters(nil, nil), // a kernel without the files
	} {
		if c.String() != want {
			t.Errorf("%s, want %s", c, want)
		}
	}
	if c := counters(m, nil); c.Stalled != 1500*time.Microsecond || c.Stolen != 30 {
		t.Errorf("%+v", c)
	}
}

func TestRefaultsGoByTheNameOfTodaysKernels(t *testing.T) {
	const stat = "workingset_refault_anon 3\nworkingset_refault_file 17\nworkingset_activate_file 5\n"
	if n := refaults(stat); n != 17 {
		t.Errorf("%d refaults, want 17", n)
	}
	if n := refaults("workingset_refault 4\n"); n != 0 { // the library has read this one
		t.Errorf("%d refaults of a kernel before 5.9, want 0", n)
	}
}
