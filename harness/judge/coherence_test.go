package judge

import (
	"slices"
	"testing"

	"github.com/iomapcheck/iomapcheck/harness/history"
)

func TestReadMustNotSeeWhatWasOverwrittenBeforeItBegan(t *testing.T) {
	build := func(t *testing.T) *scene {
		s := stage(t, "write f 0 16k a\ngo other: direct-write f 4k 8k b\nread f 0 16k\njoin other\nread f 0 16k\n")
		s.sequence(0, 1)
		s.begin(2, 3)
		s.end(3, "a:6k,b:2k,a:8k") // in flight: old and new may mix
		s.end(2, "")
		s.sequence(4)
		s.do(5, "a:4k,b:8k,a:4k")
		s.finally("f", "a:4k,b:8k,a:4k")
		return s
	}
	returns := func(op int, text string) func(*scene) {
		return func(s *scene) { s.event(history.Return, op).Data = content(s.t, text) }
	}
	vary(t, build, []variation{
		{"stale", returns(5, "a:4k,b:4k,a:8k"), "fail coherence: op 5: read f 0 16k: bytes [0x2000, 0x3000) are a, want b"},
		{"stale, one byte", returns(5, "a:4k,b:1000,a:1,b:7191,a:4k"), "fail coherence: op 5: read f 0 16k: bytes [0x13e8, 0x13e9) are a, want b"},
		{"stale zeros", returns(5, ".:16k"), "fail coherence: op 5: read f 0 16k: bytes [0x0, 0x1000) are zeros, want a"},
		{"too early", returns(3, "b:1,a:16383"), "fail coherence: op 3: read f 0 16k: bytes [0x0, 0x1) are b, want a"},
		{"never written", returns(3, "a:4k,c:4k,a:8k"), "fail coherence: op 3: read f 0 16k: bytes [0x1000, 0x2000) are c, want a or b"},
		{"misplaced", returns(5, "a:4k,b:4k,!:4k,a:4k"), "fail coherence: op 5: read f 0 16k: bytes [0x2000, 0x3000) are of no fill (deadbeef…), want b"},
		{"too much to tell", func(s *scene) {
			returns(5, "a:4k,!:12k")(s)
			s.event(history.Return, 5).Data[1].Raw = ""
		}, "ok"},
		{"write that fell short", func(s *scene) {
			s.event(history.Return, 2).N = 4096
			s.steps[2].Op.Expect.Counts = nil
		}, "fail count: op 2: direct-write f 4k 8k b: returned 4k, want 8k"},
		{"afterwards", func(s *scene) { s.reads(history.FinalRemountDirect, "a:4k,b:7k,a:5k") },
			"fail coherence: finally f, direct after remount: bytes [0x2c00, 0x3000) are a, want b"},
	})
}

func TestWhatFailedOrFellShortMayBeSeenOrNot(t *testing.T) {
	for _, text := range []string{"b:8k", "a:8k", "b:4k,a:4k", "b:6k,a:2k"} {
		s := stage(t, "write f 0 8k a\ndirect-write f 0 8k b returns 4k|8k may-fail EIO\n")
		s.sequence(0)
		s.do(1, "EIO")
		s.finally("f", text)
		s.want("ok")

		s.event(history.Return, 1).Errno = ""
		s.event(history.Return, 1).N = 4096
		if text[:4] == "a:8k" {
			s.want("fail coherence: finally f, mapped: bytes [0x0, 0x1000) are a, want b")
		} else {
			s.want("ok")
		}
	}
}

func TestZeroingOperationsWriteZeros(t *testing.T) {
	for op, want := range map[string]string{
		"truncate f 4k":                "a:4k",
		"fallocate f 4k 8k punch-hole": "a:4k,.:8k,a:4k",
		"fallocate f 4k 8k zero-range": "a:4k,.:8k,a:4k",
		"fallocate f 4k 8k alloc":      "a:16k",
		"fallocate f 12k 8k alloc":     "a:16k,.:4k",
		"fallocate f 12k 8k keep-size": "a:16k",
		"truncate f 20k":               "a:16k,.:4k",
	} {
		build := func(t *testing.T) *scene {
			s := stage(t, "write f 0 16k a\n"+op+"\n")
			s.sequence(0)
			s.do(1, "0")
			s.finally("f", want)
			return s
		}
		s := build(t)
		if s.want("ok"); t.Failed() {
			t.Logf("after %s", op)
		}
		s.reads("", "a:4k,a:4k,a:4k,x:2k,a:2k")
		if got := s.judge(); got.Rule != RuleCoherence {
			t.Errorf("%s: %s", op, got.Summary())
		}
	}
	s := stage(t, "write f 0 16k a\ntruncate f 0\ntruncate f 16k\n")
	s.sequence(0)
	s.do(1, "0")
	s.do(2, "0")
	s.finally("f", ".:16k")
	s.want("ok")
	s.reads(history.FinalRemountBuffered, ".:4k,a:4k,.:8k")
	s.want("fail coherence: finally f, buffered after remount: bytes [0x1000, 0x2000) are a, want zeros")
}

func TestMovedContentIsNotJudgedButStillAgrees(t *testing.T) {
	build := func(t *testing.T) *scene {
		s := stage(t, "write f 0 16k a\nread f 4k 4k\nfallocate f 4k 4k collapse-range may-fail EOPNOTSUPP\nread f 0 16k returns 12k\n")
		s.sequence(0)
		s.do(1, "a:4k")
		s.do(2, "0")
		s.do(3, "a:4k,!:8k")
		s.finally("f", "a:4k,!:8k")
		return s
	}
	vary(t, build, []variation{
		{"before it", func(s *scene) { s.event(history.Return, 1).Data = content(t, ".:4k") },
			"fail coherence: op 1: read f 4k 4k: bytes [0x1000, 0x2000) are zeros, want a"},
		{"in front of it", func(s *scene) { s.reads("", ".:4k,!:8k") }, "fail coherence: finally f, mapped: bytes [0x0, 0x1000) are zeros, want a"},
		{"paths differ", func(s *scene) { s.reads(history.FinalDirect, "a:4k,!:4k,.:4k") },
			"fail coherence: finally f: bytes [0x2000, 0x3000) are of no fill (deadbeef…) by mapped but zeros by direct"},
		{"paths differ in bytes of no fill", func(s *scene) {
			s.reads(history.FinalDirect, "a:4k,!:8k")
			s.path(history.FinalDirect, func(e *history.Event) { e.Data[1].Raw = "0badcafe" })
		}, "fail coherence: finally f: bytes [0x1000, 0x3000) are of no fill (deadbeef…) by mapped but of no fill (0badcafe…) by direct"},
		{"refused, so that nothing moved", func(s *scene) { s.event(history.Return, 2).Errno = "EOPNOTSUPP" },
			"fail coherence: op 3: read f 0 16k returns 12k: returned 12k of 16k at 0x0, although the size is 16k"},
	})
	if notes := build(t).judge().Notes; !slices.Contains(notes, "f: bytes from 0x1000 on are not judged after a range was collapsed or inserted") {
		t.Errorf("notes %q", notes)
	}
}

func TestPathsAgreeWhenAllIsQuiet(t *testing.T) {
	build := func(t *testing.T) *scene {
		s := stage(t, "go a: write f 0 64k a\ngo b: direct-write f 0 64k b\njoin a\njoin b\n")
		s.sequence(0)
		s.begin(1)
		s.sequence(2)
		s.begin(3)
		s.end(1, "")
		s.end(3, "")
		s.sequence(4, 5)
		s.finally("f", "a:32k,b:32k") // either order is legal, for every byte
		return s
	}
	vary(t, build, []variation{
		{"one path", func(s *scene) { s.reads(history.FinalDirect, "a:32k,b:16k,a:16k") },
			"fail coherence: finally f: bytes [0xc000, 0x10000) are b by mapped but a by direct"},
		{"after the caches were dropped", func(s *scene) { s.reads(history.FinalDropped, "b:64k") },
			"fail coherence: finally f: bytes [0x0, 0x8000) are a by mapped but b by buffered after drop-caches"},
		{"size", func(s *scene) { s.reads(history.FinalRemountDirect, "a:32k,b:16k") },
			"fail coherence: finally f, direct after remount: the size is 48k, want 64k"},
		{"less than the size", func(s *scene) { s.path(history.FinalBuffered, func(e *history.Event) { e.Data = e.Data[:1] }) },
			"fail coherence: finally f, buffered: 32k can be read, although the size is 64k"},
		{"more than the size", func(s *scene) {
			s.path(history.FinalBuffered, func(e *history.Event) { e.Data = content(t, "a:32k,b:33k") })
		}, "fail coherence: finally f, buffered: 65k can be read, although the size is 64k"},
		{"mapping shows its last page in full", func(s *scene) {
			s.path(history.FinalMapped, func(e *history.Event) { e.Data = content(t, "a:32k,b:32k,x:1k") })
		}, "ok"},
	})
}

func TestReadsAndSizesFitTheSize(t *testing.T) {
	build := func(t *testing.T) *scene {
		s := stage(t, "write f 0 6k a\nread f 4k 4k returns 2k|4k|0\nread f 8k 4k returns 0|4k\nsize f\ntruncate f 1k\nsize f\n")
		s.sequence(0)
		s.do(1, "a:2k")
		s.do(2, "0")
		s.do(3, "6k")
		s.do(4, "0")
		s.do(5, "1k")
		s.finally("f", "a:1k")
		return s
	}
	returns := func(op int, text string) func(*scene) {
		return func(s *scene) {
			e := s.event(history.Return, op)
			e.Data = content(s.t, text)
			e.N = e.Data.Len()
		}
	}
	vary(t, build, []variation{
		{"beyond the end", returns(1, "a:2k,.:2k"), "fail coherence: op 1: read f 4k 4k returns 2k|4k|0: returned 4k of 4k at 0x1000, although the size is 6k"},
		{"not to the end", returns(1, "a:0"), "fail coherence: op 1: read f 4k 4k returns 2k|4k|0: returned 0 of 4k at 0x1000, although the size is 6k"},
		{"wholly beyond", returns(2, ".:4k"), "fail coherence: op 2: read f 8k 4k returns 0|4k: returned 4k of 4k at 0x2000, although the size is 6k"},
		{"size before", func(s *scene) { s.event(history.Return, 3).N = 4096 }, "fail coherence: op 3: size f: returned 4k, want 6k"},
		{"size after", func(s *scene) { s.event(history.Return, 5).N = 6144 }, "fail coherence: op 5: size f: returned 6k, want 1k"},
		{"in the end", func(s *scene) { s.reads("", "a:2k") }, "fail coherence: finally f, mapped: the size is 2k, want 1k"},
	})
}

func TestTruncateUnderAReaderMayCutItShortAnywhere(t *testing.T) {
	for text, want := range map[string]string{
		"a:16k":     "ok",
		"a:0":       "fail coherence: op 3: read f 0 16k returns 0|4k|12k|16k: returned 0 of 16k at 0x0, although the size is between 4k and 16k",
		"a:4k":      "ok",
		"a:12k":     "ok",
		"a:4k,.:8k": "ok", // zeroed before it was cut off
		"a:3k,.:9k": "fail coherence: op 3: read f 0 16k returns 0|4k|12k|16k: bytes [0xc00, 0x1000) are zeros, want a",
	} {
		s := stage(t, "write f 0 16k a\ngo t: truncate f 4k\nread f 0 16k returns 0|4k|12k|16k\njoin t\n")
		s.sequence(0, 1)
		s.begin(2, 3)
		s.end(2, "0")
		s.ret(3, 0, text)
		if s.event(history.Return, 3).Data == nil {
			s.event(history.Return, 3).N = 0
		}
		s.sequence(4)
		s.finally("f", "a:4k")
		s.want(want)
	}
}

func TestReapBelongsToTheSubmissionBeforeIt(t *testing.T) {
	s := stage(t, "write f 0 4k a\nreap w may-fail ENOENT\naio-write f 0 4k b as w\nreap w\nread f 0 4k\n")
	s.sequence(0)
	s.do(1, "ENOENT")
	s.sequence(2)
	s.do(3, "4k")
	s.do(4, "b:4k")
	s.finally("f", "b:4k")
	s.want("ok")
	s.event(history.Return, 4).Data = content(t, "a:4k")
	s.want("fail coherence: op 4: read f 0 4k: bytes [0x0, 0x1000) are a, want b")
}

func TestSizeIsOneThatSomeOrderExplains(t *testing.T) {
	build := func(t *testing.T) *scene {
		s := stage(t, "write f 0 16k a\ngo t: truncate f 0\ngo w: write f 0 8k b\nread f 0 16k returns 0|4k|8k|16k\njoin t\njoin w\nsize f\n")
		s.sequence(0, 1)
		s.begin(2)
		s.sequence(3)
		s.begin(4, 5)
		s.end(4, "")
		s.end(5, "b:8k,a:8k")
		s.end(2, "0")
		s.sequence(6, 7)
		s.do(8, "8k")
		s.finally("f", "b:8k")
		return s
	}
	read := func(text string) func(*scene) {
		return func(s *scene) {
			e := s.event(history.Return, 5)
			e.Data = content(s.t, text)
			e.N = e.Data.Len()
		}
	}
	vary(t, build, []variation{
		{"truncated first", read("b:8k"), "ok"},
		{"not yet written", read("a:0"), "ok"},
		{"truncated under the reader", read("a:4k"), "ok"},
		{"truncated last", func(s *scene) { s.event(history.Return, 8).N = 0; s.reads("", "b:0") }, "ok"},
		{"half of the write", func(s *scene) { s.event(history.Return, 8).N = 4096 }, "fail coherence: op 8: size f: returned 4k, want between 0 and 8k"},
		{"neither", func(s *scene) { s.event(history.Return, 8).N = 16384 }, "fail coherence: op 8: size f: returned 16k, want between 0 and 8k"},
		{"both", func(s *scene) { s.reads(history.FinalDirect, "b:0") }, "fail coherence: finally f: the size is 8k by mapped but 0 by direct"},
	})
}

func TestStoreBeyondTheEndIsNeverPartOfTheFile(t *testing.T) {
	// POSIX: what lies beyond the end in the last page reads as zeros once the file grows over it.
	build := func(t *testing.T) *scene {
		s := stage(t, "write f 0 1k a\nstore f 512 2k s\nload f 0 4k\ntruncate f 4k\nread f 0 4k\n")
		s.sequence(0)
		s.do(1, "0")
		s.do(2, "a:512,s:2k,.:1536")
		s.do(3, "0")
		s.do(4, "a:512,s:512,.:3k")
		s.finally("f", "a:512,s:512,.:3k")
		return s
	}
	vary(t, build, []variation{
		{"the kernel may zero it sooner", func(s *scene) { s.event(history.Return, 2).Data = content(t, "a:512,s:512,.:3k") }, "ok"},
		{"but not within the file", func(s *scene) { s.event(history.Return, 2).Data = content(t, "a:512,.:512,s:512,.:2560") },
			"fail coherence: op 2: load f 0 4k: bytes [0x200, 0x400) are zeros, want s"},
		{"exposed", func(s *scene) { s.event(history.Return, 4).Data = content(t, "a:512,s:2k,.:1536") },
			"fail coherence: op 4: read f 0 4k: bytes [0x400, 0xa00) are s, want zeros"},
		{"exposed on the disk", func(s *scene) { s.reads(history.FinalRemountDirect, "a:512,s:2k,.:1536") },
			"fail coherence: finally f, direct after remount: bytes [0x400, 0xa00) are s, want zeros"},
	})
}

func TestRequestIsInFlightFromItsSubmissionToItsReap(t *testing.T) {
	build := func(t *testing.T) *scene {
		s := stage(t, "write f 0 4k a\naio-write f 0 4k b as w\nread f 0 4k\nreap w\nread f 0 4k\naio-read f 0 4k as r\nwrite f 0 4k c\nreap r\n")
		s.sequence(0, 1)
		s.do(2, "a:4k")
		s.do(3, "4k")
		s.do(4, "b:4k")
		s.sequence(5, 6)
		s.do(7, "b:4k")
		s.finally("f", "c:4k")
		return s
	}
	returns := func(op int, text string) func(*scene) {
		return func(s *scene) { s.event(history.Return, op).Data = content(s.t, text) }
	}
	vary(t, build, []variation{
		{"new while in flight", returns(2, "b:4k"), "ok"},
		{"old after the reap", returns(4, "a:4k"), "fail coherence: op 4: read f 0 4k: bytes [0x0, 0x1000) are a, want b"},
		{"read in flight sees the new", returns(7, "c:4k"), "ok"},
		{"read in flight sees the very old", returns(7, "a:4k"), "fail coherence: op 7: reap r: bytes [0x0, 0x1000) are a, want b or c"},
	})
}

func TestReadsThatWereNotToldWholeAreNoted(t *testing.T) {
	s := stage(t, "write f 0 8k a\nrepeat 3 {\nread f 0 8k\n}\n")
	s.sequence(0)
	s.begin(1)
	for i, text := range []string{"a:8k", "a:4k,!:4k", "a:2k,!:6k"} {
		s.invoke(2, i)
		s.ret(2, i, text)
		if data := s.h.Events[len(s.h.Events)-1].Data; i > 0 {
			data[1].Raw = ""
		}
	}
	s.end(1, "")
	s.finally("f", "a:8k")
	s.want("ok")
	noted(t, s, "op 2: read f 0 8k: the end of what it read was not judged in 2 of its reads: it is in too many pieces to be told")
	s.h.Events[len(s.h.Events)-9].Data[0].Fill = "b"
	s.want("fail coherence: op 2: read f 0 8k: iteration 3: bytes [0x0, 0x800) are b, want a")
	if notes := postWriteScene(t).judge().Notes; len(notes) != 0 {
		t.Errorf("notes %q", notes)
	}
}
