package vm

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/iomapcheck/iomapcheck/harness/disk"
	"github.com/iomapcheck/iomapcheck/harness/history"
	"github.com/iomapcheck/iomapcheck/harness/prog"
	"github.com/iomapcheck/iomapcheck/harness/target"
	"github.com/iomapcheck/iomapcheck/harness/wire"
)

// crossroads leaves a dirty page cache, two direct writes at the disk, and a sync that waits for the writeback that it started, at the disk as
// well; from there one can go anywhere.
const crossroads = `write f 0 64k o
fsync f
write f 128k 64k d
hold writes f 0 256k
go a: direct-write f 0 4k a
await held 1
go b: direct-write f 8k 4k b
await held 2
go s: fdatasync f
await held 3
await blocked s
`

func ways() []string {
	return []string{
		"release\njoin a\njoin b\njoin s\nread f 0 4k = a\n",
		"release newest 1\nread f 0 4k = o\nread f 8k 4k = o\nrelease\njoin a\nread f 0 4k = a\n",
		"release oldest 1\njoin a\nread f 0 4k = a\nread f 8k 4k = o\nrelease\njoin s\n",
		"release newest 2\njoin b\nread f 8k 4k = b\nread f 0 4k = o\nrelease\njoin a\n",
		"load f 128k 4k = d\nstore f 160k 4k e\nrelease\njoin s\nread f 160k 4k = e\n",
		"go t: truncate f 4k\nawait blocked t\nrelease\njoin t\nsize f returns 4k\n",
	}
}

func TestProgramsThatBeginAlikeGoOnFromOneBeginning(t *testing.T) {
	tg, reported := warmTarget(t)
	at := len(strings.Split(strings.TrimSpace(crossroads), "\n")) + strings.Count(crossroads, "go ") // a task's body is an operation of its own
	var begun []string
	for i, way := range append(ways()[:1:1], ways()...) {
		job := small(t, "xfs")
		var err error
		if job.Program, err = prog.Parse(crossroads + way); err != nil {
			t.Fatal(err)
		}
		plain := operations(t, tg, job)
		job.Branch = at
		shared := operations(t, tg, job)
		if plain.text != shared.text {
			t.Errorf("way %d: from a shared beginning\n%s\nby itself\n%s", i, shared.text, plain.text)
		}
		if how := shared.x.Extra["qemu.txt"]; i > 0 && !strings.Contains(how, "had begun the program") {
			t.Errorf("way %d ran by itself", i)
		} else if i > 0 {
			begun = append(begun, requests(shared.x.History))
		}
	}
	for _, other := range begun[1:] {
		if other != begun[0] {
			t.Errorf("the disk was asked in one copy\n%s\nin another\n%s", begun[0], other)
		}
	}
	if strings.Contains(reported(), "not shared") {
		t.Error(reported())
	}
}

type did struct {
	text string
	x    target.Execution
}

// operations is what the program's operations returned, in the order of their numbers, with the verdict.
func operations(t *testing.T, tg *Target, job target.Job) did {
	t.Helper()
	result, x := runs(t, tg, job)
	text := result.Summary() + "\n"
	for n := range job.Program.Steps() {
		for _, e := range x.History.Events {
			if e.Kind == history.Return && e.Op == n {
				text += fmt.Sprintf("%d %s %s %d\n", n, e.Task, e.Errno, e.N)
			}
		}
	}
	return did{text, x}
}

// requests are those that the disk has held, by number, in the order in which it did.
func requests(h *history.History) string {
	text := ""
	for _, e := range h.Events {
		if e.Kind == history.Disk && e.What == history.Held {
			text += fmt.Sprintf("#%d %s %d+%d at %d\n", e.Request, e.Dir, e.Off, e.Len, e.Time)
		}
	}
	return text
}

func TestABeginningThatACopyWouldNotShareIsNotShared(t *testing.T) {
	asked := &wire.Ask{Op: wire.Branch, Clock: &wire.ClockOffset{}}
	for _, test := range []struct {
		branched *wire.Ask
		line     string
		waiting  int32
		want     string
	}{
		{branched: asked, want: ""},
		{want: "the program ended in it"},
		{branched: asked, line: "[    1.000000] BUG: kernel NULL pointer dereference, address: 0000000000000000", want: "the kernel complained"},
		{branched: asked, waiting: 1, want: "a task waits for requests to be held"},
	} {
		r := &run{m: &machine{log: newConsole(), disk: disk.New(1 << 20)}, branched: test.branched, control: &control{}}
		r.control.waiting.Store(test.waiting)
		if test.line != "" {
			r.m.log.line(test.line)
			r.m.log.finish()
		}
		if err := r.mayBranch(); (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
			t.Errorf("%+v: %v, want %q", test, err, test.want)
		}
	}
}

func TestBytesThatTheGuestHasNotTakenAreNoticed(t *testing.T) {
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	ours, theirs := os.NewFile(uintptr(pair[0]), "ours"), os.NewFile(uintptr(pair[1]), "theirs")
	defer theirs.Close()
	conn, err := net.FileConn(ours)
	if err := errors.Join(err, ours.Close()); err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := unread(conn); err != nil {
		t.Errorf("nothing was sent: %v", err)
	}
	if _, err := conn.Write([]byte("answer\n")); err != nil {
		t.Fatal(err)
	}
	if err := unread(conn); err == nil {
		t.Error("what was sent and not taken was not noticed")
	}
	if _, err := theirs.Read(make([]byte, 64)); err != nil {
		t.Fatal(err)
	}
	if err := unread(conn); err != nil {
		t.Errorf("all was taken: %v", err)
	}
}
