package exec

import (
	"context"
	"errors"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/iomapcheck/iomapcheck/harness/history"
	"github.com/iomapcheck/iomapcheck/harness/prog"
)

func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == TaskArg {
		os.Exit(TaskMain())
	}
	os.Exit(m.Run())
}

// plainDisk is a disk without controls: the tests here run on whatever file system the machine has.
type plainDisk struct{}

func (*plainDisk) Hold(context.Context, prog.Op) error    { return errors.New("no programmable disk") }
func (*plainDisk) AwaitHeld(context.Context, int64) error { return errors.New("no programmable disk") }
func (*plainDisk) Release(context.Context, prog.Op) error { return nil }
func (*plainDisk) Fail(context.Context, prog.Op) error    { return nil }
func (*plainDisk) Record(context.Context, bool) error     { return nil }
func (*plainDisk) Heal(context.Context) error             { return nil }
func (*plainDisk) Settle(context.Context) (int64, error)  { return 0, nil }

// run carries out a program in a temporary folder and returns its events.
func run(t *testing.T, limit time.Duration, text string, disks ...Disk) ([]history.Event, error) {
	t.Helper()
	p, err := prog.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	var mu sync.Mutex
	var events []history.Event
	disks = append(disks, &plainDisk{})
	err = Run(ctx, p, Env{Root: t.TempDir(), Disk: disks[0], Remount: func() error { return nil }, Emit: func(e history.Event) {
		mu.Lock()
		defer mu.Unlock()
		events = append(events, e)
	}})
	mu.Lock()
	defer mu.Unlock()
	return append([]history.Event(nil), events...), err
}

// returned is what the operation with that number returned, in words.
func returned(t *testing.T, events []history.Event, op int) string {
	t.Helper()
	for _, e := range events {
		if e.Kind == history.Return && e.Op == op {
			return e.Result()
		}
	}
	t.Errorf("op %d never returned", op)
	return ""
}

const minute = time.Minute

func TestEveryKindOfDataOperationReportsWhatTheKernelReturned(t *testing.T) {
	events, err := run(t, minute, `write f 0 8k o
read f 0 8k
direct-write f 4k 4k n
read f 0 8k
direct-read f 0 8k
store f 0 4k s
load f 0 8k
aio-write f 0 4k a as w
reap w
aio-read f 0 8k as r
reap r
fsync f
fdatasync f
truncate f 6k
size f
fallocate f 0 4k punch-hole
read f 0 8k
read f 16k 4k
size f
load f 32k 4k
repeat 2 {
  read g 0 4k
}
`)
	if err != nil {
		t.Fatal(err)
	}
	for op, want := range map[int]string{1: "o:8k", 3: "o:4k,n:4k", 4: "o:4k,n:4k", 6: "s:4k,n:4k", 8: "4k", 10: "a:4k,n:4k", 14: "6k", 16: ".:4k,n:2k", 17: "0", 18: "6k", 19: "SIGBUS"} {
		if got := returned(t, events, op); got != want {
			t.Errorf("op %d returned %s, want %s", op, got, want)
		}
	}
	finals := map[string]string{}
	for _, e := range events {
		if e.Kind == history.Final && e.File == "f" {
			finals[e.Path] = e.Result()
		}
	}
	for _, path := range []history.FinalPath{history.FinalMapped, history.FinalBuffered, history.FinalDirect, history.FinalDropped, history.FinalRemountBuffered, history.FinalRemountDirect} {
		if finals[string(path)] != ".:4k,n:2k" {
			t.Errorf("finally, %s: %q", path, finals[string(path)])
		}
	}
	if finals[string(history.FinalSync)] != "0" {
		t.Errorf("final fsync: %q", finals[string(history.FinalSync)])
	}
}

func TestTasksOverlapAndAreJoined(t *testing.T) {
	events, err := run(t, minute, `write f 0 64k o
go writer {
  repeat 20 {
    direct-write f 0 64k n
  }
}
go other thread: store f 0 4k s
until writer {
  read f 0 64k ? n|o|s
}
join other
join writer
read f 0 64k
`)
	if err != nil {
		t.Fatal(err)
	}
	byTask := map[string]int{}
	last := map[string]int64{}
	for _, e := range events {
		if e.Kind != history.Return && e.Kind != history.Invoke {
			continue
		}
		byTask[e.Task]++
		if e.Time < last[e.Task] {
			t.Errorf("task %s: time goes back at %+v", e.Task, e)
		}
		last[e.Task] = e.Time
	}
	if byTask["writer"] != 40 || byTask["other"] != 2 {
		t.Errorf("events by task: %v", byTask)
	}
}

// deafDisk waits for ever for requests.
type deafDisk struct {
	plainDisk
	healed bool
}

func (d *deafDisk) Heal(ctx context.Context) error {
	d.healed = ctx.Err() == nil
	return nil
}

func (*deafDisk) Hold(context.Context, prog.Op) error { return nil }
func (*deafDisk) AwaitHeld(ctx context.Context, _ int64) error {
	<-ctx.Done()
	return ctx.Err()
}

func TestHangIsReportedWithItsOperation(t *testing.T) {
	disk := &deafDisk{}
	events, err := run(t, 3*time.Second, "fsync f\nhold writes\nawait held 1\n", disk)
	var hang *HangError
	if !errors.As(err, &hang) || len(hang.Tasks) != 1 || hang.Tasks[0] != "main" {
		t.Fatalf("got %v, want a hang of main", err)
	}
	last := events[len(events)-1]
	if last.Kind != history.Hang || last.Op != 2 {
		t.Errorf("last event %+v, want the hang in op 2", last)
	}
	if !disk.healed {
		t.Error("the disk still holds what the program had it hold: who unmounts will wait for that")
	}
}

// A machine that never gets round to starting a task hangs as one whose task sleeps does: it is no fault of the harness.
func TestTaskThatIsNotReadyInTimeIsAHang(t *testing.T) {
	events, err := run(t, time.Nanosecond, "fsync f\n")
	var hang *HangError
	if !errors.As(err, &hang) || len(hang.Tasks) != 1 || hang.Tasks[0] != "main" {
		t.Fatalf("got %v, want a hang of main", err)
	}
	if last := events[len(events)-1]; last.Kind != history.Hang || last.Op != -1 {
		t.Errorf("last event %+v, want the hang of a task that is in no operation", last)
	}
}

// shyDisk says that nothing came to be held.
type shyDisk struct{ deafDisk }

func (*shyDisk) AwaitHeld(context.Context, int64) error {
	return &NotProvokedError{Why: "0 of 1 requests were held"}
}

func TestSituationThatDoesNotComeAboutEndsTheProgramNotTheRun(t *testing.T) {
	events, err := run(t, minute, "write f 0 4k o\nhold writes\nawait held 1\nwrite f 0 4k n\n", &shyDisk{})
	if err != nil {
		t.Fatal(err)
	}
	var noted, final bool
	for _, e := range events {
		noted = noted || e.Kind == history.Note && e.Name == NotProvoked
		final = final || e.Kind == history.Final && e.Path == string(history.FinalRemountDirect) && e.Data.String() == "o:4k"
		if e.Op == 3 {
			t.Errorf("the program went on: %+v", e)
		}
	}
	if !noted || !final {
		t.Errorf("noted %v, read finally %v", noted, final)
	}
}

func TestErrorOfTheDiskEndsTheRunAndNamesTheOperation(t *testing.T) {
	_, err := run(t, minute, "fsync f\nhold writes\nfsync f\n")
	if err == nil || !strings.Contains(err.Error(), "op 1: no programmable disk") {
		t.Errorf("got %v", err)
	}
	var hang *HangError
	if errors.As(err, &hang) {
		t.Error("a fault of the harness was called a hang")
	}
}

func TestMayBlockOperationThatDoesNotBlockIsReportedOnce(t *testing.T) {
	events, err := run(t, minute, "write f 0 4k o\nread f 0 4k may-block @x\n")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, e := range events {
		if e.Op == 1 && e.Kind == history.Return {
			n++
			if e.Task != "main" || e.Result() != "o:4k" {
				t.Errorf("got %+v", e)
			}
		}
	}
	if n != 1 {
		t.Errorf("the operation returned %d times", n)
	}
}

func TestFramesOfAKernelStack(t *testing.T) {
	got := frames("[<0>] __inode_dio_wait+0xd4/0x120\n[<0>] xfs_setattr_size+0x1/0x2 [xfs]\n[<0>] do_syscall_64+0x59\n")
	want := []string{"__inode_dio_wait", "xfs_setattr_size", "do_syscall_64"}
	if strings.Join(got, " ") != strings.Join(want, " ") {
		t.Errorf("got %v", got)
	}
	if !onStack(got, []string{"xfs_setattr_size"}) || onStack(got, []string{"xfs"}) {
		t.Error("functions match by whole name")
	}
}
