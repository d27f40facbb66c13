package vm_test

import (
	"strings"
	"testing"

	"github.com/iomapcheck/iomapcheck/harness/history"
	"github.com/iomapcheck/iomapcheck/harness/judge"
	"github.com/iomapcheck/iomapcheck/harness/target/vm"
)

// blackout has in f what was made durable in several ways, in g what was not, and a task that the power cut catches in a held write.
const blackout = `write f 0 64k o
fsync f
direct-write f 0 4k d dsync
direct-write f 64k 4k e
store f 8k 4k s
fsync f
write g 0 8k o
fsync g
direct-write g 0 4k x
direct-write g 4k 4k y
hold writes f 16k 4k
go caught: direct-write f 16k 4k z
await held 1
CUT
read f 0 68k = d:4k,o:4k,s:4k,o:52k,e:4k
read g 0 8k ? o|x|y @g
go later: direct-write f 16k 4k n
join later
read f 16k 4k = n
witness lost 1
`

// blackoutWith spells the cut.
func blackoutWith(cut string) string { return strings.Replace(blackout, "CUT", cut, 1) }

func TestWhatADiskHasPromisedOutlivesItsMachine(t *testing.T) {
	t.Parallel()
	tg := open(t, vm.Config{})
	for cut, want := range map[string]string{"cut": "o:8k", "cut keeping newest 1": "o:4k,y:4k"} {
		out := run(t, tg, "xfs", blackoutWith(cut))
		if out.Verdict != judge.OK {
			t.Errorf("%s: got %s", cut, out.Summary())
		}
		oneAxis(t, out.History)
		for _, e := range out.History.Of(history.Return) {
			if e.Op == 16 && e.Result() != want {
				t.Errorf("%s: g is %s, want %s", cut, e.Result(), want)
			}
		}
	}
}

// oneAxis demands that the second boot's events come after the cut, and none of the first one's.
func oneAxis(t *testing.T, h *history.History) {
	t.Helper()
	var at, back int64
	for _, e := range h.Events {
		if e.Op == 14 && e.Kind == history.Invoke {
			at = e.Time
		}
		if e.Op == 14 && e.Kind == history.Return {
			back = e.Time
		}
	}
	if at == 0 || back <= at {
		t.Fatalf("the cut began at %d and the power was back at %d", at, back)
	}
	for _, e := range h.Events {
		if early := e.Op < 14; e.Op >= 0 && e.Op != 14 && (early && e.Time > back || !early && e.Time < back) {
			t.Errorf("%s of op %d at %d, although the power was back at %d", e.Kind, e.Op, e.Time, back)
		}
	}
}

func TestADiskThatLiesAboutFlushesIsFound(t *testing.T) {
	t.Parallel()
	tg := open(t, vm.Config{AtStart: func(s vm.Start) { s.Disk.LoseFlushes(-1) }})
	out := run(t, tg, "xfs", "write f 0 4k o\nfsync f\ncut\nread f 0 4k = o\nwitness lost 1\n")
	if out.Verdict != judge.Fail || out.Rule != judge.RuleDurability {
		t.Errorf("got %s, want a failure of durability", out.Summary())
	}
}

func TestAFileSystemThatCannotBeMountedAfterACutIsNotDurable(t *testing.T) {
	t.Parallel()
	tg := open(t, vm.Config{AtStart: func(s vm.Start) {
		// The super block alone, which a mounted file system has in memory.
		if _, err := s.Disk.WriteAt(make([]byte, 512), 0); err != nil {
			t.Error(err)
		}
	}})
	out := run(t, tg, "xfs", "write f 0 4k o\nfsync f\ncut\nread f 0 4k = o\nwitness lost 1\n")
	if out.Verdict != judge.Fail || out.Rule != judge.RuleDurability || !strings.Contains(out.Text, "could not be mounted") {
		t.Errorf("got %s, want a failure of durability", out.Summary())
	}
	if !strings.Contains(out.Console, "the power was cut") || !strings.Contains(out.Console, "XFS") {
		t.Errorf("the console does not tell of both boots:\n%s", out.Console)
	}
}
