package judge

import (
	"strings"
	"testing"

	"github.com/iomapcheck/iomapcheck/harness/history"
	"github.com/iomapcheck/iomapcheck/harness/prog"
)

// blackout carries a program out up to its cut, every operation in turn with full success but for those of tasks, which begin and
// never return; has the power cut; and has the operations after it find content, by every path.
func blackout(t *testing.T, text, content string) *scene {
	s := stage(t, text)
	cut, _ := s.p.Cut()
	for _, step := range s.steps[:cut.N] {
		switch {
		case step.Task != "main":
			s.begin(step.N)
		case step.Op.Verb == prog.VReap:
			s.do(step.N, "4k")
		default:
			s.do(step.N, "")
		}
	}
	s.begin(cut.N)
	s.add(history.Event{Kind: history.Note, Op: -1, Name: history.PowerCut, N: 2, Text: "2 requests"})
	s.end(cut.N, "")
	for _, step := range s.steps[cut.N+1:] {
		switch {
		case step.Op.Verb.Reads():
			s.do(step.N, content)
		case step.Op.Verb == prog.VSize:
			s.do(step.N, prog.FormatSize(s.length(content)))
		default:
			s.do(step.N, "")
		}
	}
	s.finally("f", content)
	return s
}

func (s *scene) length(text string) int64 { return content(s.t, text).Len() }

// What a cut may leave, by what went before it. The read after the cut expects nothing, so that only durability can object.
func TestAfterAPowerCutWhatWasPromisedIsThereAndTheRestMayBe(t *testing.T) {
	for _, c := range []struct{ name, before, found, want string }{
		{"synced", "write f 0 4k o\nfsync f\n", "o:4k", "ok"},
		{"synced and lost", "write f 0 4k o\nfsync f\n", ".:4k", lost},
		{"synced and cut short", "write f 0 4k o\nfsync f\n", "o:2k", lost},
		{"synced by fdatasync and lost", "write f 0 4k o\nfdatasync f\n", ".:4k", lost},
		{"not synced", "write f 0 4k o\n", ".:4k", "ok"},
		{"not synced, and there", "write f 0 4k o\n", "o:4k", "ok"},
		{"not synced, of which a part came to the disk", "write f 0 4k o\n", "o:1k", "ok"},
		{"another file synced", "write f 0 4k o\nfsync g\n", ".:4k", "ok"},
		{"synced before it was written", "fsync f\nwrite f 0 4k o\n", ".:4k", "ok"},
		{"nobody's bytes", "write f 0 4k o\n", "!:4k", lost},
		{"O_DSYNC", "direct-write f 0 4k o dsync\n", "o:4k", "ok"},
		{"O_DSYNC and lost", "direct-write f 0 4k o dsync\n", ".:4k", lost},
		{"buffered with O_DSYNC and lost", "write f 0 4k o dsync\n", ".:4k", lost},
		{"O_DSYNC of other bytes", "write f 0 4k z\nfsync f\nwrite f 0 2k o\nwrite f 2k 2k n dsync\n", "z:2k,n:2k", "ok"},
		{"O_DSYNC of these bytes", "write f 0 4k z\nfsync f\nwrite f 0 2k o\nwrite f 2k 2k n dsync\n", "o:2k,z:2k", lost},
		{"overwritten in the cache", "write f 0 4k o\nfsync f\nwrite f 0 4k n\n", "o:4k", "ok"},
		{"overwritten in the cache, and written back", "write f 0 4k o\nfsync f\nwrite f 0 4k n\n", "n:2k,o:2k", "ok"},
		{"overwritten and synced", "write f 0 4k o\nwrite f 0 4k n\nfsync f\n", "o:4k", lost},
		{"zeros are neither old nor new", "write f 0 4k o\nfsync f\nwrite f 0 4k n\n", ".:4k", lost},
		{"asynchronous, reaped and synced", "aio-write f 0 4k o as a\nreap a\nfsync f\n", ".:4k", lost},
		{"asynchronous, synced before the reap", "aio-write f 0 4k o as a\nfsync f\nreap a\n", ".:4k", "ok"},
		{"never returned", "write f 0 4k o\nfsync f\ngo w: direct-write f 0 4k n\n", "n:4k", "ok"},
		{"never returned, and old", "write f 0 4k o\nfsync f\ngo w: direct-write f 0 4k n dsync\n", "o:4k", "ok"},
		{"an fsync that never returned", "write f 0 4k o\ngo w: fsync f\n", ".:4k", "ok"},
		{"punched", "write f 0 4k o\nfsync f\nfallocate f 0 4k punch-hole\n", "o:4k", "ok"},
		{"punched and synced", "write f 0 4k o\nfsync f\nfallocate f 0 4k punch-hole\nfsync f\n", "o:4k", lost},
		{"stored and synced", "write f 0 4k o\nfsync f\nstore f 0 4k n\nfsync f\n", "o:4k", lost},
	} {
		t.Run(c.name, func(t *testing.T) {
			text := c.before + "cut\nread f 0 4k returns 0|1k|2k|4k\n"
			s := blackout(t, text, c.found)
			if strings.Contains(c.before, "fsync g") {
				s.finally("g", ".:0")
			}
			s.want(numbered(c.want, s))
		})
	}
}

// lost stands for a failure of durability that the last operation finds.
const lost = "lost"

// numbered is the wanted summary, with the last operation where that is the one to fail.
func numbered(want string, s *scene) string {
	if want != lost {
		return want
	}
	last := s.steps[len(s.steps)-1]
	return "fail durability: " + last.Op.Line(last.N) + ": …"
}

func TestASizeIsDurableLikeBytes(t *testing.T) {
	for _, c := range []struct{ name, before, found, want string }{
		{"shrunk, not synced", "write f 0 8k o\nfsync f\ntruncate f 4k\n", "o:8k", "ok"},
		{"shrunk and synced", "write f 0 8k o\nfsync f\ntruncate f 4k\nfsync f\n", "o:4k", "ok"},
		{"shrunk and synced, and old", "write f 0 8k o\nfsync f\ntruncate f 4k\nfsync f\n", "o:8k", lost},
		{"grown and synced, and old", "write f 0 4k o\nfsync f\ntruncate f 8k\nfsync f\n", "o:4k", lost},
		{"grown, not synced", "write f 0 4k o\nfsync f\ntruncate f 8k\n", "o:4k", "ok"},
		{"written beyond the end and synced, and old", "write f 0 4k o\nfsync f\nwrite f 4k 4k o\nfsync f\n", "o:4k", lost},
		{"larger than ever", "write f 0 4k o\nfsync f\n", "o:4k,.:4k", lost},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := blackout(t, c.before+"cut\nsize f\n", c.found)
			s.want(numbered(c.want, s))
		})
	}
}

func TestWhatIsDoneAfterThePowerIsBackIsJudgedAsEver(t *testing.T) {
	build := func(t *testing.T) *scene {
		s := blackout(t, "write f 0 4k o\nfsync f\nwrite f 0 4k x\ncut\nwrite f 0 4k n\nread f 0 4k\n", "n:4k")
		return s
	}
	vary(t, build, []variation{
		{"the write after the cut is lost", func(s *scene) { s.event(history.Return, 5).Data = content(s.t, "o:4k") },
			"fail coherence: op 5: read f 0 4k: bytes [0x0, 0x1000) are o, want n"},
		{"one path shows what was before the cut", func(s *scene) { s.reads(history.FinalDirect, "x:4k") },
			"fail coherence: finally f, direct: bytes [0x0, 0x1000) are x, want n"},
	})
}

func TestAFileThatNothingMountsAgainIsNotDurable(t *testing.T) {
	build := func(t *testing.T, mounted string) *scene {
		s := stage(t, "write f 0 4k o\nfsync f\ncut\nread f 0 4k = o\n")
		s.sequence(0, 1)
		s.do(2, mounted)
		return s
	}
	s := build(t, "EUCLEAN")
	s.add(history.Event{Kind: history.Console, Op: -1, Name: fsCorruption, Text: "Corruption detected"})
	s.want("fail durability: op 2: cut: what it left could not be mounted: EUCLEAN")
	s = build(t, "EUCLEAN")
	s.add(history.Event{Kind: history.Console, Op: -1, Name: "oops", Text: "BUG"})
	s.want("crash splat: oops: BUG")
	s = build(t, "")
	s.want("infra assumption: op 3: read f 0 4k = o: it never began…")
}

func TestAFileThatIsGoneOrCannotBeReadAfterACutIsNotDurable(t *testing.T) {
	build := func(t *testing.T) *scene {
		return blackout(t, "write f 0 4k o\nfsync f\ncut\nread f 0 4k = o\n", "o:4k")
	}
	vary(t, build, []variation{
		{"the file is gone", func(s *scene) { e := s.event(history.Return, 3); e.Errno, e.Data, e.N = "ENOENT", nil, 0 },
			"fail durability: op 3: read f 0 4k = o: failed with ENOENT, want success"},
		{"a path cannot read it", func(s *scene) {
			s.path(history.FinalBuffered, func(e *history.Event) { e.Errno, e.Data, e.N = "EIO", nil, 0 })
		}, "fail durability: finally f, buffered: failed with EIO, want success"},
		{"before the cut it is an errno as ever", func(s *scene) { s.event(history.Return, 1).Errno = "EIO" },
			"fail errno: op 1: fsync f: failed with EIO, want success"},
	})
}

func TestACutThatLosesNothingShowsNothing(t *testing.T) {
	s := blackout(t, "write f 0 4k o\nfsync f\ncut\nread f 0 4k = o\nwitness lost 2\n", "o:4k")
	s.want("ok")
	s = blackout(t, "write f 0 4k o\nfsync f\ncut\nread f 0 4k = o\nwitness lost 3\n", "o:4k")
	s.want("unexercised witness: …")
}

func TestTasksThatTheCutEndedDoNotHang(t *testing.T) {
	text := "write f 0 4k o\nfsync f\ngo w {\n  write f 0 4k n\n  fsync f\n  read f 0 4k\n}\ncut\nread f 0 4k\n"
	s := stage(t, text)
	s.sequence(0, 1, 2)
	s.do(3, "")
	s.begin(4)
	s.do(6, "")
	s.do(7, "n:4k")
	s.finally("f", "n:4k")
	s.want("ok")
	// Neither does one that began while the power was about to go.
	s = stage(t, text)
	s.sequence(0, 1, 2)
	s.begin(6, 3)
	s.end(6, "")
	s.do(7, "o:2k,n:2k")
	s.finally("f", "o:2k,n:2k")
	s.want("ok")
	// Without the cut the same silence is a hang.
	s = stage(t, strings.Replace(text, "cut\n", "", 1))
	s.sequence(0, 1, 2)
	s.do(3, "")
	s.begin(4)
	s.do(6, "n:4k")
	s.finally("f", "n:4k")
	s.want("hang hang: op 4: fsync f: task w never returned")
}
