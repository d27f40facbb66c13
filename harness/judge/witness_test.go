package judge

import (
	"strings"
	"testing"

	"github.com/iomapcheck/iomapcheck/harness/history"
	"github.com/iomapcheck/iomapcheck/harness/prog"
)

func TestCaseWithoutItsWitnessIsUnexercised(t *testing.T) {
	const refill = "unexercised witness: op 7: read f 0 64k ? n|o may-block @refill: no witness held-while refill: "
	noDisk := func(s *scene) { s.drop(func(e history.Event) bool { return e.Kind == history.Disk }) }
	late := func(s *scene) { // the read returns after the release has begun
		e := s.event(history.Return, 7)
		e.Time = s.event(history.Return, 8).Time + 1
		e.Data = content(t, "n:64k")
	}
	early := func(s *scene) { // the await returns after the read has begun
		s.event(history.Invoke, 7).Time = s.event(history.Return, 6).Time - 1
	}
	vary(t, postWriteScene, []variation{
		{"by the program's order alone", noDisk, "ok"},
		{"by the disk alone", func(s *scene) { early(s); s.event(history.Invoke, 7).Time++ }, "ok"},
		{"released too soon", late, refill + "disk request #1 (write [0x0, 0x1000)) was let go before the operation returned"},
		{"released too soon, no disk events", func(s *scene) { late(s); noDisk(s) }, refill + "no disk request was held"},
		{"held too late", func(s *scene) {
			early(s)
			for i := range s.h.Events {
				if e := &s.h.Events[i]; e.What == history.Held {
					e.Time += 100
				}
			}
		}, refill + "disk request #1 (write [0x0, 0x1000)) was held only after the operation had begun"},
		{"the clocks' error counts against it", func(s *scene) {
			early(s)
			s.h.Header.ClockError = 1000
		}, refill + "disk request #1 (write [0x0, 0x1000)) was held only after the operation had begun"},
		{"the clocks' error does not matter to the program's order", func(s *scene) { s.h.Header.ClockError = 1000 }, "ok"},
	})
}

func TestHeldRequestThatWasNeverLetGoNeedsARecord(t *testing.T) {
	build := func(record string) *scene {
		s := stage(t, "hold writes\ngo w: direct-write f 0 4k n\nread f 0 4k returns 0 @r\nrecord "+record+"\njoin w\nwitness held-while r\n")
		s.sequence(0, 1)
		s.begin(2)
		s.disk(history.Held, 3)
		s.do(3, "0")
		s.sequence(4)
		s.end(2, "")
		s.sequence(5)
		s.finally("f", "n:4k")
		return s
	}
	build("on").want("ok")
	build("off").want("unexercised witness: op 3: read f 0 4k returns 0 @r: no witness held-while r: disk request #3 (write [0x0, 0x1000)) was let go before…")
}

func TestClocksErrorCountsAgainstTheWitnessAtBothEnds(t *testing.T) {
	for _, c := range []struct{ before, after, slack int64 }{{100, 100, 99}, {100, 20, 50}, {20, 100, 50}} {
		s := stage(t, "hold writes\ngo w: direct-write f 0 4k n\nread f 0 4k returns 0 @r\njoin w\nwitness held-while r\n")
		s.h.Header.ClockError = c.slack
		s.sequence(0, 1)
		s.begin(2)
		s.disk(history.Held, 3)
		s.now += c.before
		s.do(3, "0")
		s.now += c.after
		s.disk(history.Released, 3)
		s.end(2, "")
		s.sequence(4)
		s.finally("f", "n:4k")
		if seen := s.judge().Verdict == OK; seen != (c.slack < min(c.before, c.after)) {
			t.Errorf("held %d before and %d after, clocks off by %d: %s", c.before, c.after, c.slack, s.judge().Summary())
		}
	}
}

func TestProgramsWordNeedsAReleaseAfterwards(t *testing.T) {
	// Without one it is the harness that lets go when main has ended, which may have been what the read waited for.
	s := stage(t, "release\nhold writes\ngo w: direct-write f 0 4k n\nawait held 1\nread f 0 4k may-block ? n @r\njoin w\nwitness held-while r\n")
	s.sequence(0, 1, 2)
	s.begin(3)
	s.sequence(4)
	s.begin(5)
	s.end(3, "")
	s.end(5, "n:4k")
	s.sequence(6)
	s.finally("f", "n:4k")
	s.want("unexercised witness: op 5: read f 0 4k ? n may-block @r: no witness held-while r: no disk request was held")
}

func TestReleaseDuringTheAwaitSpoilsTheProgramsWord(t *testing.T) {
	s := stage(t, "hold writes\ngo w: direct-write f 0 4k n\ngo other: release\nawait held 1\nread f 0 4k returns 0 @r\nrelease\njoin w\nwitness held-while r\n")
	s.sequence(0, 1)
	s.begin(2)
	s.sequence(3)
	s.begin(4, 5) // the release first
	s.end(5, "")
	s.do(6, "0")
	s.end(4, "")
	s.do(7, "")
	s.end(2, "")
	s.sequence(8)
	s.finally("f", "n:4k")
	s.want("unexercised witness: op 6: read f 0 4k returns 0 @r: no witness held-while r: no disk request was held")
}

func TestSleepingOperationIsWitnessedByItsStack(t *testing.T) {
	const none = "unexercised witness: op 9: truncate f 0 not-before go-on @truncate: no witness blocked truncate in inode_dio_wait|btrfs_wait_ordered_roots: "
	const notWhile = "it was seen asleep, but not between its beginning and its return"
	where := func(w ...string) func(*scene) {
		return func(s *scene) { s.event(history.Blocked, 9).Where = w }
	}
	vary(t, truncateScene, []variation{
		{"with an offset", where("inode_dio_wait+0x1d/0x90"), "ok"},
		{"a compiler's clone", where("__schedule", "inode_dio_wait.isra.0"), "ok"},
		{"another function", where("gfs2_glock_wait", "gfs2_setattr"), none + "it was seen asleep at gfs2_glock_wait < gfs2_setattr, not in inode_dio_wait or btrfs_wait_ordered_roots"},
		{"a function whose name begins so", where("inode_dio_wait_interruptible"), none + "…"},
		{"no stack", where(), none + "it was seen, not in inode_dio_wait or btrfs_wait_ordered_roots"},
		{"another operation", func(s *scene) { s.event(history.Blocked, 9).Op = 6 }, none + "it was not seen asleep"},
		{"before it began", func(s *scene) { s.event(history.Blocked, 9).Time = 1 }, none + notWhile},
		{"as it began", func(s *scene) { s.event(history.Blocked, 9).Time = s.event(history.Invoke, 9).Time }, "ok"},
		{"as it returned", func(s *scene) { s.event(history.Blocked, 9).Time = s.event(history.Return, 9).Time }, none + notWhile},
		{"just before it returned", func(s *scene) { s.event(history.Blocked, 9).Time = s.event(history.Return, 9).Time - 1 }, "ok"},
		{"another iteration of it", func(s *scene) { s.event(history.Blocked, 9).Iter = 1 }, none + notWhile},
	})
	vary(t, func(t *testing.T) *scene {
		s := truncateScene(t)
		s.p.Witnesses = []prog.Witness{prog.SeenBlocked("truncate", "folio_wait_writeback")}
		where("folio_wait_bit_common", "folio_wait_writeback")(s)
		return s
	}, []variation{
		{"by the name that it had before 5.16", where("wait_on_page_bit_common", "wait_on_page_writeback+0x2f/0x80"), "ok"},
		{"by another's", where("wait_on_page_bit_common"), "unexercised witness: op 9: truncate f 0 not-before go-on @truncate: no witness blocked truncate in folio_wait_writeback: it was seen asleep at wait_on_page_bit_common, not in folio_wait_writeback"},
	})
	s := truncateScene(t)
	s.p.Witnesses = []prog.Witness{prog.SeenBlocked("truncate")}
	where("whatever")(s)
	s.want("ok")
}

func TestEventsCountOnlyWhileTheProgramRuns(t *testing.T) {
	const event = "iomap:iomap_dio_invalidate_fail"
	build := func(t *testing.T) *scene {
		s := stage(t, "write f 0 4k o\ndirect-write f 0 4k n\nwitness event "+event+" times 2\n")
		s.sequence(0)
		s.begin(1)
		s.add(history.Event{Kind: history.Trace, Op: -1, Name: event})
		s.add(history.Event{Kind: history.Trace, Op: -1, Name: event})
		s.end(1, "")
		s.finally("f", "n:4k")
		return s
	}
	vary(t, build, []variation{
		{"too few", func(s *scene) { s.h.Events[3].Name = "iomap:other" },
			"unexercised witness: no witness event " + event + " times 2: " + event + " fired 1 times while the program ran, want 2"},
		{"by the reads after it", func(s *scene) { s.h.Events[3].Time = s.now + 1 },
			"unexercised witness: no witness event " + event + " times 2: " + event + " fired 1 times while the program ran, want 2 (and 1 times before or after)"},
	})
}

func TestWitnessesAreReportedWhateverTheVerdict(t *testing.T) {
	s := postWriteScene(t)
	res := s.judge()
	if len(res.Witness) != 1 || !res.Witness[0].Seen || res.Witness[0].Name != "held-while refill" ||
		res.Witness[0].Evidence != "op 6 returned before it began, and op 8 began after it had returned" {
		t.Errorf("got %+v", res.Witness)
	}
	s.event(history.Return, 10).Data = content(t, "o:64k")
	if res := s.judge(); res.Verdict != Fail || len(res.Witness) != 1 || !res.Witness[0].Seen {
		t.Errorf("failed: got %+v", res)
	}
	if !strings.HasPrefix(s.judge().Summary(), "fail coherence: op 10: read f 0 64k = n: bytes [0x0, 0x10000) are o, want n") {
		t.Error(s.judge().Summary())
	}
}
