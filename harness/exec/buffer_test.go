package exec

import (
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/iomapcheck/iomapcheck/harness/history"
	"github.com/iomapcheck/iomapcheck/harness/prog"
)

func TestBuffersThatAreMappingsAndGuardedPages(t *testing.T) {
	events, err := run(t, minute, `write g 0 8k n
write f 0 8k o
write f 0 8k n via g 0
read f 0 8k
write h 0 264k z
read f 0 8k via h 256k
load h 256k 8k
read f 0 8k guard 4k
read f 0 8k guard 0
write f 0 8k x guard 4k
read f 0 8k
aio-read f 0 8k as r via h 0
reap r
load h 0 8k
read f 0 8k via k 0
`)
	if err != nil {
		t.Fatal(err)
	}
	for op, want := range map[int]string{2: "8k", 3: "n:8k", 5: "n:8k", 6: "n:8k", 7: "n:4k", 8: "EFAULT", 9: "4k", 10: "x:4k,n:4k",
		12: "x:4k,n:4k", 13: "x:4k,n:4k", 14: "EFAULT"} {
		if got := returned(t, events, op); got != want {
			t.Errorf("op %d returned %s, want %s", op, got, want)
		}
	}
}

func TestWhatACallCannotHaveStoredIsGarbage(t *testing.T) {
	task := &task{}
	m, err := task.buffer(prog.Read("f", 0, 12*prog.KiB).Guard(4 * prog.KiB))
	if err != nil {
		t.Fatal(err)
	}
	defer m.free()
	prog.Paint(m.bytes[:m.usable], 'n', 0)
	got := m.describe(12*prog.KiB, 0)
	if got.Slice(0, 4*prog.KiB).String() != "n:4k" || got.Len() != 12*prog.KiB || got[1].Fill != prog.Garbage {
		t.Errorf("described as %s", got)
	}
}

func TestTheCacheIsAskedAndChangedOnRequest(t *testing.T) {
	events, err := run(t, minute, `write f 0 64k o
fsync f
resident f 0 64k
resident f 2k 1k
mlock f 0 8k
munlock f 0 8k
pin f 0 64k
pin f 0 64k
unpin f 0 64k
unpin f 0 64k
evict f 0 64k
readahead f 0 64k
reclaim 4k
resident f 128k 4k
`)
	if err != nil {
		t.Fatal(err)
	}
	for op, want := range map[int]string{2: "64k", 3: "1k", 4: "0", 5: "0", 6: "0", 7: "EBUSY", 8: "0", 9: "ENOENT", 10: "0", 11: "0",
		12: "EOPNOTSUPP", 13: "0"} {
		if got := returned(t, events, op); got != want {
			t.Errorf("op %d returned %s, want %s", op, got, want)
		}
	}
}

func TestAttributesAndClonesAreGivenOrRefusedByTheKernel(t *testing.T) {
	events, err := run(t, minute, "write f 0 8k o\nattr f compress\nclone f g\nread g 0 8k\n")
	if err != nil {
		t.Fatal(err)
	}
	for _, op := range []int{1, 2} {
		got := returned(t, events, op)
		if got != "0" && got != "EOPNOTSUPP" && got != "ENOTTY" && got != "EINVAL" && got != "EXDEV" && got != "EPERM" {
			t.Errorf("op %d returned %s", op, got)
		}
		if op == 2 && got == "0" && returned(t, events, 3) != "o:8k" {
			t.Error("the clone does not hold what it was cloned from")
		}
	}
}

func TestALimitWithoutACgroupIsAFaultOfTheHarness(t *testing.T) {
	_, err := run(t, minute, "memory max 1m\n")
	if err == nil || !strings.Contains(err.Error(), "no memory cgroup") {
		t.Errorf("got %v", err)
	}
}

// fakeMemory counts kills and keeps limits.
type fakeMemory struct{ high, max, kills int64 }

func (m *fakeMemory) Dir() string           { return "" }
func (m *fakeMemory) FD() int               { return -1 }
func (m *fakeMemory) SetHigh(n int64) error { m.high = n; return nil }
func (m *fakeMemory) SetMax(n int64) error  { m.max = n; return nil }
func (m *fakeMemory) Kills() (int64, error) { return m.kills, nil }
func (m *fakeMemory) Counted() (int64, string, error) {
	return 7, "7 stolen", nil
}

func TestEachKillOfTheCgroupExplainsOneProcess(t *testing.T) {
	m := &fakeMemory{kills: 1}
	c := &conductor{env: Env{Memory: m}}
	if !c.wasOOM() || c.wasOOM() {
		t.Error("one kill explains not one process")
	}
	var events []history.Event
	c = &conductor{env: Env{Emit: func(e history.Event) { events = append(events, e) }}, ops: map[string]openOp{}}
	p := &proc{key: "w", task: "w"}
	c.emit(p, history.Event{Kind: history.Invoke, Task: "w", Op: 3, Iter: 2})
	c.taskKilled(p)
	if len(events) != 3 || events[1].Kind != history.Return || events[1].Errno != killed || events[1].Iter != 2 || events[2].Name != OOMKilled || events[2].Op != 3 {
		t.Errorf("events %+v", events)
	}
}

func TestLimitsLeaveTheProcessesTheirOwnMemory(t *testing.T) {
	m := &fakeMemory{}
	c := &conductor{env: Env{Memory: m}, procs: map[string]*proc{}, high: prog.NoLimit, max: prog.NoLimit}
	if err := c.limit(prog.MemoryMax(8 << 20)); err != nil || m.max != 8<<20 || m.high != prog.NoLimit {
		t.Errorf("limits %d and %d, %v", m.high, m.max, err)
	}
	var events []history.Event
	c.env.Emit = func(e history.Event) { events = append(events, e) }
	if err := c.unlimited(t.Context()); err != nil || m.max != prog.NoLimit {
		t.Errorf("limit %d, %v", m.max, err)
	}
	if len(events) != 1 || events[0].Name != history.MemoryPressure || events[0].N != 7 || events[0].Text != "7 stolen" {
		t.Errorf("what the cgroup has counted: %+v", events)
	}
}

func TestALimitGrowsByWhatAProcessHasWhenItIsReadyAndNotByWhatTheProgramDoesInIt(t *testing.T) {
	m := &fakeMemory{}
	self, err := os.FindProcess(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	p := &proc{key: "w", process: self, ended: make(chan struct{})}
	c := &conductor{env: Env{Memory: m}, procs: map[string]*proc{"w": p}, high: prog.NoLimit, max: 8 << 20}
	if err := c.makeRoom(p); err != nil || m.max < 8<<20+allowance {
		t.Fatalf("limit %d, %v", m.max, err)
	}
	before := m.max
	hogged := make([]byte, 32<<20)
	for i := range hogged {
		hogged[i] = 1
	}
	if err := c.limit(prog.MemoryHigh(1 << 20)); err != nil || m.max != before || m.high != before-7<<20 {
		t.Errorf("limits %d and %d after 32m were touched, want %d and 7m less, %v", m.max, m.high, before, err)
	}
	close(p.ended)
	if err := c.limit(prog.MemoryMax(8 << 20)); err != nil || m.max != 8<<20 {
		t.Errorf("limit %d once the process has ended, %v", m.max, err)
	}
	runtime.KeepAlive(hogged)
}

func TestALoopBesideMainRestsUntilMainHasEnded(t *testing.T) {
	main := &proc{key: "main", ended: make(chan struct{})}
	c := &conductor{procs: map[string]*proc{"main": main}}
	start := time.Now()
	if c.endedSoon(t.Context(), "main") || time.Since(start) < besideMain {
		t.Error("the loop goes round without a rest")
	}
	close(main.ended)
	if !c.endedSoon(t.Context(), "main") {
		t.Error("main has ended")
	}
}

func TestFloodAndHogReturnNothingAndEndWithTheFile(t *testing.T) {
	events, err := run(t, minute, "write f 0 100k o\nflood f 0 256k\nflood f 200k 4k\nhog 64k\n")
	if err != nil {
		t.Fatal(err)
	}
	for op := 1; op <= 3; op++ {
		if got := returned(t, events, op); got != "0" {
			t.Errorf("op %d returned %s", op, got)
		}
	}
}
