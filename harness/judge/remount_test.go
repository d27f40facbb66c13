package judge

import (
	"slices"
	"testing"

	"github.com/iomapcheck/iomapcheck/harness/history"
)

// unmounted makes the final remount fail, as targets tell it.
func (s *scene) unmounted(errno string) {
	s.drop(func(e history.Event) bool { return e.Path == string(history.FinalRemountDirect) })
	s.path(history.FinalRemountBuffered, func(e *history.Event) { e.Errno, e.N, e.Data = errno, 0, nil })
}

func noted(t *testing.T, s *scene, note string) {
	t.Helper()
	if notes := s.judge().Notes; !slices.Contains(notes, note) {
		t.Errorf("notes %q, want %q", notes, note)
	}
}

func TestFilesCanBeReadAfterTheFinalRemount(t *testing.T) {
	direct := func(errno string) func(*scene) {
		return func(s *scene) {
			s.path(history.FinalRemountDirect, func(e *history.Event) { e.Errno, e.N, e.Data = errno, 0, nil })
		}
	}
	vary(t, postWriteScene, []variation{
		{"no mount", func(s *scene) { s.unmounted("EUCLEAN") }, "fail coherence: finally f, buffered after remount: could not be read after a remount: EUCLEAN"},
		{"no read", direct("EIO"), "fail coherence: finally f, direct after remount: could not be read after a remount: EIO"},
		{"no direct I/O any more", direct("EINVAL"), "fail coherence: finally f, direct after remount: could not be read after a remount: EINVAL"},
		{"older causes first", func(s *scene) { s.unmounted("EUCLEAN"); s.reads(history.FinalDropped, "o:64k") },
			"fail coherence: finally f, buffered after drop-caches: bytes [0x0, 0x10000) are o, want n"},
		{"an internal errno", func(s *scene) { s.unmounted("ENOTBLK") }, "fail errno-leak: finally f, buffered after remount: …"},
		{"the direct path alone is missing", func(s *scene) {
			s.drop(func(e history.Event) bool { return e.Path == string(history.FinalRemountDirect) })
		}, "infra assumption: the final reads are incomplete: f was not read direct after remount"},
	})
	// Errors that the disk answered with for another file can keep the file system from being mounted.
	s := stage(t, "write f 0 4k o\nwrite g 0 4k o\nfail writes g 0 4k EIO\n")
	s.sequence(0, 1, 2)
	s.finally("f", "o:4k")
	s.finally("g", "o:4k")
	s.unmounted("EIO")
	s.want("ok")
	noted(t, s, "finally f, buffered after remount: EIO: the program makes the disk fail")
}

func TestARemountThatFailsIsTheKernelsUnlessTheDiskWasMadeToFail(t *testing.T) {
	build := func(text string, done ...int) *scene {
		s := stage(t, text)
		s.sequence(done...)
		s.do(len(done), "EUCLEAN")
		return s
	}
	s := build("write f 0 4k o\nremount\n", 0)
	s.finally("f", "o:4k")
	s.want("fail errno: op 1: remount: failed with EUCLEAN, want success")

	s = build("fail writes EIO\nwrite f 0 4k o\nremount\n", 0, 1)
	s.finally("f", "o:4k")
	s.want("ok")
	noted(t, s, "op 2: remount: failed with EUCLEAN: the program makes the disk fail")

	// Nothing is mounted, until the remount in the end: that is so for every file, whichever the disk failed.
	s = build("write f 0 4k o\nwrite g 0 4k o\nfail writes g 0 4k EIO\nremount\n", 0, 1, 2)
	s.finally("f", "o:4k")
	s.finally("g", "o:4k")
	for _, p := range []history.FinalPath{history.FinalMapped, history.FinalBuffered, history.FinalDirect, history.FinalSync, history.FinalDropped} {
		s.path(p, func(e *history.Event) { e.Errno, e.N, e.Data = "ENOENT", 0, nil })
	}
	s.want("ok")

	s = build("write f 0 4k o\nremount\nfail writes EIO\n", 0)
	s.do(2, "")
	s.finally("f", "o:4k")
	s.want("fail errno: op 1: remount: failed with EUCLEAN, want success")

	s = build("fail writes EIO\nwrite f 0 4k o\nremount fails EIO\n", 0, 1)
	s.finally("f", "o:4k")
	s.want("fail errno: op 2: remount fails EIO: failed with EUCLEAN, want EIO")
}

func TestWhatDidNotRunAfterARemountThatFailedIsNoPass(t *testing.T) {
	s := stage(t, "fail writes EIO\nwrite f 0 4k o\nremount\nread f 0 4k\n")
	s.sequence(0, 1)
	s.do(2, "EIO")
	s.finally("f", "o:4k")
	s.want("unexercised witness: op 2: remount: it failed with EIO, so that op 3: read f 0 4k never began")
	s.event(history.Return, 2).Errno = ""
	s.want("infra assumption: op 3: read f 0 4k: it never began: the history is cut off or of another program")
}

func TestRemountAndDropCachesCanHang(t *testing.T) {
	for _, op := range []string{"remount", "drop-caches"} {
		s := stage(t, "write f 0 4k o\n"+op+"\n")
		s.sequence(0)
		s.begin(1)
		s.add(history.Event{Kind: history.Hang, Task: "main", Op: 1, Text: "deadlock"})
		s.want("hang hang: op 1: " + op + ": task main never returned: deadlock")
	}
}
