package judge

import (
	"slices"
	"testing"

	"github.com/iomapcheck/iomapcheck/harness/history"
)

// collisionScene stores into a page of a direct write in flight: the page keeps its old bytes, the kernel warns, and the next fsync
// fails.
func collisionScene(t *testing.T) *scene {
	s := stage(t, "write f 0 64k o\ngo writer: direct-write f 0 64k n\nstore f 0 1k s\njoin writer\n")
	s.sequence(0, 1)
	s.begin(2)
	s.do(3, "0")
	s.add(history.Event{Kind: history.Trace, Op: -1, Name: staleProbe})
	s.end(2, "")
	s.sequence(4)
	s.finally("f", "n:64k")
	for _, p := range []history.FinalPath{history.FinalMapped, history.FinalBuffered} {
		s.reads(p, "s:1k,o:3k,n:60k")
	}
	s.path(history.FinalSync, func(e *history.Event) { e.Errno = "EIO" })
	return s
}

func TestStalePageCacheIsLegalOnlyIfTheKernelSaidSo(t *testing.T) {
	noWarning := func(s *scene) { s.drop(func(e history.Event) bool { return e.Kind == history.Trace }) }
	untraced := func(s *scene) {
		s.h.Header.Target = "host"
		s.add(history.Event{Kind: history.Note, Op: -1, Name: "missing-event", Text: staleProbe + ": this kernel has no kprobe events"})
	}
	noError := func(s *scene) { s.path(history.FinalSync, func(e *history.Event) { e.Errno = "" }) }
	stale := "fail coherence: finally f, mapped: bytes [0x400, 0x1000) are o, want n"
	vary(t, collisionScene, []variation{
		{"on the console", func(s *scene) {
			noWarning(s)
			s.add(history.Event{Kind: history.Console, Op: -1, Name: staleFinding, Text: "Page cache invalidation failure on direct I/O"})
		}, "ok"},
		{"no warning", func(s *scene) { noWarning(s); noError(s) }, stale},
		{"error without a warning", noWarning, "fail errno: finally f, fsync: failed with EIO, want success"},
		{"error without a warning that could be heard", func(s *scene) {
			noWarning(s)
			untraced(s)
		}, "ok"},
		{"error without a warning, which a machine of its own would have had on its console", func(s *scene) {
			noWarning(s)
			untraced(s)
			s.h.Header.Target = "vm"
		}, "fail errno: finally f, fsync: failed with EIO, want success"},
		{"error without a warning that could be heard, and nothing met the write", func(s *scene) {
			noWarning(s)
			untraced(s)
			e := s.event(history.Invoke, 2)
			e.Time = s.event(history.Return, 3).Time + 5
		}, "fail errno: finally f, fsync: failed with EIO, want success"},
		{"no error, and no warning that could be heard", func(s *scene) {
			noWarning(s)
			noError(s)
			s.h.Header.Target = "host"
			s.add(history.Event{Kind: history.Note, Op: -1, Name: "no-trace", Text: "nothing is traced"})
		}, stale},
		{"warning without an error", noError, stale},
		{"the error is lost though all agree", func(s *scene) { noError(s); s.reads("", "n:64k") },
			"fail coherence: the kernel warned of stale page cache after a direct write, but no fsync failed with EIO: the error is lost"},
		{"never written", func(s *scene) { s.reads(history.FinalMapped, "s:1k,x:3k,n:60k") },
			"fail coherence: finally f, mapped: bytes [0x400, 0x1000) are x, want zeros or n or o"},
		{"of no fill", func(s *scene) { s.reads(history.FinalDirect, "s:1k,!:3k,n:60k") }, "fail coherence: finally f, direct: bytes [0x400, 0x1000) are of no fill…"},
		{"no store met the write", func(s *scene) {
			e := s.event(history.Invoke, 2)
			e.Time = s.event(history.Return, 3).Time + 5
		}, "fail coherence: finally f, mapped: bytes [0x0, 0x400) are s, want n"},
	})
	if notes := collisionScene(t).judge().Notes; !slices.Contains(notes, "the kernel warned of stale page cache after a direct write") {
		t.Errorf("notes %q", notes)
	}
}

// An EIO stands for a warning that nobody could hear only where the collision is: in the file whose fsync failed, and within a folio.
func TestAnEIOIsTheKernelsWordOnlyOfTheFileAndTheFoliosThatCollided(t *testing.T) {
	for dirty, want := range map[string]string{
		"store f 0 1k s":  "ok",
		"store f 4m 1k s": "fail errno: finally f, fsync: failed with EIO, want success",
		"store g 0 1k s":  "fail errno: finally f, fsync: failed with EIO, want success",
	} {
		s := stage(t, "write f 0 5m o\nwrite g 0 4k o\ngo writer: direct-write f 0 4k n\n"+dirty+"\njoin writer\n")
		s.h.Header.Target = "host"
		s.sequence(0, 1, 2)
		s.begin(3)
		s.do(4, "0")
		s.end(3, "")
		s.add(history.Event{Kind: history.Note, Op: -1, Name: "no-trace", Text: "nothing is traced"})
		s.sequence(5)
		switch dirty {
		case "store f 0 1k s":
			s.finally("f", "s:1k,o:3k,o:5116k")
			s.finally("g", "o:4k")
		case "store f 4m 1k s":
			s.finally("f", "n:4k,o:4092k,s:1k,o:1023k")
			s.finally("g", "o:4k")
		default:
			s.finally("f", "n:4k,o:5116k")
			s.finally("g", "s:1k,o:3k")
		}
		for i := range s.h.Events {
			if e := &s.h.Events[i]; e.Kind == history.Final && e.File == "f" && e.Path == string(history.FinalSync) {
				e.Errno = "EIO"
			}
		}
		s.want(want)
	}
}

func TestFsyncThatFailedBeforeTheWarningReportsNothing(t *testing.T) {
	build := func(t *testing.T, sooner bool) *scene {
		s := stage(t, "fsync f may-fail EIO\nwrite f 0 4k o\ndirect-write f 0 4k n\nfsync f may-fail EIO\n")
		s.do(0, map[bool]string{true: "EIO"}[sooner])
		s.sequence(1)
		s.begin(2)
		s.add(history.Event{Kind: history.Trace, Op: -1, Name: staleProbe})
		s.end(2, "")
		s.do(3, map[bool]string{false: "EIO"}[sooner])
		s.finally("f", "n:4k")
		return s
	}
	build(t, false).want("ok")
	build(t, true).want("fail coherence: the kernel warned of stale page cache…")
}

func TestBufferedWriteCanKeepThePageToo(t *testing.T) {
	s := stage(t, "write f 0 64k o\ngo writer: direct-write f 0 64k n\nwrite f 0 1k s\nfsync f\njoin writer\n")
	s.sequence(0, 1)
	s.begin(2)
	s.sequence(3, 4)
	s.add(history.Event{Kind: history.Trace, Op: -1, Name: staleProbe})
	s.end(2, "")
	s.sequence(5)
	s.finally("f", "s:1k,o:3k,n:60k")
	s.path(history.FinalSync, func(e *history.Event) { e.Errno = "EIO" })
	s.want("ok")
}

func TestExcuseEndsWithTheDirectWrite(t *testing.T) {
	s := stage(t, "write f 0 64k o\nwrite f 0 8k p\ngo writer: direct-write f 4k 8k n\nstore f 4k 1k s\njoin writer\n")
	s.sequence(0, 1, 2)
	s.begin(3)
	s.do(4, "0")
	s.end(3, "")
	s.add(history.Event{Kind: history.Console, Op: -1, Name: staleFinding})
	s.sequence(5)
	s.finally("f", "p:4k,s:1k,o:7k,o:52k")
	s.path(history.FinalSync, func(e *history.Event) { e.Errno = "EIO" })
	s.want("ok")
	s.reads(history.FinalDirect, "p:4k,n:8k,o:52k")
	s.want("ok")
	s.reads(history.FinalBuffered, "o:4k,s:1k,o:7k,o:52k")
	s.want("fail coherence: finally f, buffered: bytes [0x0, 0x1000) are o, want p")
}
