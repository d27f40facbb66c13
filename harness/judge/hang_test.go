package judge

import (
	"slices"
	"strings"
	"testing"

	"github.com/iomapcheck/iomapcheck/harness/history"
)

func TestConsoleFindingsDecideBeforeAllElse(t *testing.T) {
	console := func(name, text string) func(*scene) {
		return func(s *scene) { s.add(history.Event{Kind: history.Console, Op: -1, Name: name, Text: text}) }
	}
	list := []variation{
		{"hung task", console("hung-task", "task fsync blocked"), "hang splat: hung-task: task fsync blocked"},
		{"other findings are notes", console("info", "something else"), "ok"},
		{"before an errno", func(s *scene) {
			s.event(history.Return, 0).Errno = "ENOTBLK"
			console("oops", "BUG in iomap_dio_complete")(s)
		}, "crash splat: oops: BUG in iomap_dio_complete"},
		{"with its operation", func(s *scene) {
			s.add(history.Event{Kind: history.Console, Op: 5, Task: "writer", Name: "warning", Text: "WARNING in iomap_dio_rw"})
		}, "crash splat: op 5: direct-write f 0 64k n: warning: WARNING in iomap_dio_rw"},
	}
	for _, kind := range CrashKinds() {
		list = append(list, variation{kind, console(kind, "title"), "crash splat: " + kind + ": title"})
	}
	vary(t, postWriteScene, list)
	s := stage(t, "fail writes EIO\nwrite f 0 4k o\n")
	s.sequence(0, 1)
	s.finally("f", "o:4k")
	console("fs-shutdown", "XFS shutting down")(s)
	s.want("ok")
	s = postWriteScene(t)
	console("info", "something else")(s)
	if notes := s.judge().Notes; !slices.Contains(notes, "console: info: something else") {
		t.Errorf("notes %q", notes)
	}
}

const truncateWaits = `write f 0 64k o
fsync f
drop-caches
hold reads
go reader {
  aio-read f 0 64k as r
  reap r = o
}
await held 1
go trunc: truncate f 0 not-before go-on @truncate
await blocked trunc in inode_dio_wait
release @go-on
join trunc
join reader
size f returns 0
witness held-while truncate
witness blocked truncate in inode_dio_wait|btrfs_wait_ordered_roots
`

// truncateScene is progress/truncate-waits-for-dio up to the await of the sleeping truncate, which it ends in.
func truncateStart(t *testing.T) *scene {
	s := stage(t, strings.Replace(truncateWaits, "witness held-while truncate\n", "", 1))
	s.sequence(0, 1, 2, 3, 4)
	s.do(5, "0")
	s.begin(6, 7)
	s.disk(history.Held, 1)
	s.end(7, "")
	s.sequence(8)
	s.begin(9, 10)
	return s
}

func truncateScene(t *testing.T) *scene {
	s := truncateStart(t)
	s.add(history.Event{Kind: history.Blocked, Task: "trunc", Op: 9, Where: []string{"__schedule", "inode_dio_wait+0x1d/0x90", "xfs_setattr_size"}})
	s.end(10, "")
	s.begin(11)
	s.disk(history.Released, 1)
	s.end(11, "")
	s.end(6, "o:64k")
	s.end(9, "")
	s.sequence(12, 13)
	s.do(14, "0")
	s.finally("f", ".:0")
	return s
}

func TestOperationThatNeverReturnsIsAHang(t *testing.T) {
	hang := func(s *scene, task string, op int, where ...string) {
		s.add(history.Event{Kind: history.Hang, Task: task, Op: op, Where: where})
	}
	cut := func(s *scene, n int) { // after the n-th event
		s.h.Events = s.h.Events[:n]
	}
	vary(t, truncateScene, []variation{
		{"told by the target", func(s *scene) {
			cut(s, 23) // released, nothing returned
			hang(s, "main", 12, "do_wait")
			hang(s, "trunc", 9, "inode_dio_wait", "xfs_setattr_size", "notify_change", "do_truncate", "do_sys_ftruncate")
		}, "hang hang: op 9: truncate f 0 not-before go-on @truncate: task trunc never returned, asleep at inode_dio_wait < xfs_setattr_size < notify_change < do_truncate"},
		{"not told", func(s *scene) { s.drop(func(e history.Event) bool { return e.Kind == history.Return && e.Op == 9 }) },
			"hang hang: op 9: truncate f 0 not-before go-on @truncate: task trunc never returned"},
		{"the guest as a whole", func(s *scene) {
			cut(s, 23)
			s.add(history.Event{Kind: history.Hang, Task: "guest", Op: -1, Text: "the guest stopped answering\n(run)"})
		}, "hang hang: task guest did not end: the guest stopped answering (run)"},
		{"outside of operations", func(s *scene) { hang(s, "finally", -1, "folio_wait_bit_common") },
			"hang hang: task finally did not end, asleep at folio_wait_bit_common"},
		{"only a join", func(s *scene) { hang(s, "main", 12) },
			"infra hang: op 12: join trunc: it never returned, although no operation is in the kernel"},
		{"task that was killed", func(s *scene) {
			s.drop(func(e history.Event) bool { return e.Kind == history.Return && e.Op == 9 })
			s.add(history.Event{Kind: history.Note, Task: "trunc", Op: -1, Name: "task-died", Text: "the other end is closed"})
		}, "infra assumption: op 9: truncate f 0 not-before go-on @truncate: the process of task trunc died in it"},
	})
	s := truncateScene(t)
	cut(s, 23)
	hang(s, "trunc", 9, "inode_dio_wait")
	hang(s, "reader", 6, "read_events")
	if notes := s.judge().Notes; len(notes) != 1 || notes[0] != "task reader did not get on either: op 6: reap r = o, asleep at read_events" {
		t.Errorf("notes %q", notes)
	}
}

func TestAwaitThatIsNotMetShowsNothing(t *testing.T) {
	held := func(s *scene) {
		for _, task := range []string{"main", "trunc", "reader"} {
			op := map[string]int{"main": 10, "trunc": 9, "reader": 6}[task]
			s.add(history.Event{Kind: history.Hang, Task: task, Op: op, Where: []string{"gfs2_glock_wait"}})
		}
	}
	s := truncateStart(t)
	held(s)
	s.want("unexercised witness: op 10: await blocked trunc in inode_dio_wait: it did not come about until the time was up" +
		"; task trunc is in op 9: truncate f 0 not-before go-on @truncate, asleep at gfs2_glock_wait" +
		"; task reader is in op 6: reap r = o, asleep at gfs2_glock_wait")

	// The same with nothing held: then the kernel has no excuse.
	s = truncateStart(t)
	s.disk(history.Released, 1)
	s.disk(history.Answered, 1)
	held(s)
	s.want("hang hang: op 9: truncate f 0 not-before go-on @truncate: task trunc never returned, asleep at gfs2_glock_wait")

	s = truncateStart(t)
	s.end(10, "ETIMEDOUT")
	s.want("unexercised witness: op 10: await blocked trunc in inode_dio_wait: it did not come about: ETIMEDOUT")
}

func TestProgramThatEndedEarlyIsUnexercised(t *testing.T) {
	s := stage(t, postWrite)
	s.sequence(0, 1, 2, 3, 4)
	s.begin(5, 6)
	s.end(5, "")
	s.add(history.Event{Kind: history.Note, Task: "main", Op: 6, Name: "not-provoked", Text: "0 of 1 requests were held"})
	s.finally("f", "n:64k")
	s.want("unexercised witness: op 6: await held 1: it did not come about: 0 of 1 requests were held")

	// What did happen is judged all the same.
	s.reads(history.FinalDropped, "o:4k,n:60k")
	s.want("fail coherence: finally f, buffered after drop-caches: bytes [0x0, 0x1000) are o, want n")
}
