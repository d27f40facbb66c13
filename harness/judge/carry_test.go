package judge

import (
	"testing"

	"github.com/iomapcheck/iomapcheck/harness/history"
)

const carried = `write g 0 8k n
direct-write f 0 8k n via g 0
truncate h 264k
direct-read f 0 8k via h 256k
load h 256k 8k
clone f k
read k 0 8k
`

// carriedScene takes content from g over f, through mappings of g and h, to k.
func carriedScene(t *testing.T) *scene {
	s := stage(t, carried)
	s.sequence(0, 1, 2)
	s.do(3, "n:8k")
	s.do(4, "n:8k")
	s.sequence(5)
	s.do(6, "n:8k")
	s.finally("g", "n:8k")
	s.finally("f", "n:8k")
	s.finally("h", ".:256k,n:8k")
	s.finally("k", "n:8k")
	return s
}

// holds replaces what all paths to a file read in the end.
func (s *scene) holds(file, text string) {
	s.drop(func(e history.Event) bool { return e.Kind == history.Final && e.File == file })
	s.finally(file, text)
}

func TestContentIsFollowedThroughBuffersThatAreMappings(t *testing.T) {
	vary(t, carriedScene, []variation{
		{"the write carried zeros", func(s *scene) { s.holds("f", ".:8k") },
			"fail coherence: finally f, mapped: bytes [0x0, 0x2000) are zeros, want n"},
		{"a byte of the write is lost", func(s *scene) {
			s.event(history.Return, 3).Data = content(s.t, "n:4k,.:4k")
		}, "fail coherence: op 3: direct-read f 0 8k via h 256k: bytes [0x1000, 0x2000) are zeros, want n"},
		{"the mapping does not show what was read into it", func(s *scene) { s.event(history.Return, 4).Data = content(s.t, ".:8k") },
			"fail coherence: op 4: load h 256k 8k: bytes [0x40000, 0x42000) are zeros, want n"},
		{"what was read into the mapping is lost in the end", func(s *scene) { s.holds("h", ".:264k") },
			"fail coherence: finally h, mapped: bytes [0x40000, 0x42000) are zeros, want n"},
		{"the clone is empty", func(s *scene) { s.holds("k", ".:8k") }, "fail coherence: finally k, mapped: bytes [0x0, 0x2000) are zeros, want n"},
		{"the clone is too short", func(s *scene) { s.holds("k", "n:4k") }, "fail coherence: finally k, mapped: the size is 4k, want 8k"},
		{"the clone reads zeros", func(s *scene) { s.event(history.Return, 6).Data = content(s.t, ".:8k") },
			"fail coherence: op 6: read k 0 8k: bytes [0x0, 0x2000) are zeros, want n"},
		{"the program is wrong about its buffer", func(s *scene) { s.p.Ops[0].Fill = 'x' },
			"infra assumption: op 1: direct-write f 0 8k n via g 0: the program says that the buffer holds n, but bytes [0x0, 0x2000) of g must be x"},
	})
}

func TestAReadIntoAMappingThatFailsMayHaveStoredAnyPartOfIt(t *testing.T) {
	for text, want := range map[string]string{
		"o:8k": "ok", "n:4k,o:4k": "ok", "x:8k": "fail coherence: finally g, mapped: bytes [0x0, 0x2000) are x, want n or o",
	} {
		s := stage(t, "write f 0 8k n\nwrite g 0 8k o\ndirect-read f 0 8k via g 0 may-fail EFAULT\n")
		s.sequence(0, 1)
		s.do(2, "EFAULT")
		s.finally("f", "n:8k")
		s.finally("g", text)
		s.want(want)
	}
}

func TestAStoreThatRacesWithAWriteFromTheMappingMayBeCarriedOrNot(t *testing.T) {
	for text, want := range map[string]string{
		"n:8k": "ok", "s:4k,n:4k": "ok", "n:4k,s:4k": "fail coherence: finally f, mapped: bytes [0x1000, 0x2000) are s, want n",
	} {
		s := stage(t, "write g 0 8k n\ngo w: direct-write f 0 8k n via g 0\nstore g 0 4k s\njoin w\n")
		s.sequence(0, 1)
		s.begin(2)
		s.do(3, "")
		s.end(2, "")
		s.sequence(4)
		s.finally("g", "s:4k,n:4k")
		s.finally("f", text)
		s.want(want)
	}
}

func TestAGuardedReadMayEndEarlyOnlyWhereTheProgramSaysSo(t *testing.T) {
	guarded := func(expect string) *scene {
		s := stage(t, "write f 0 8k n\nread f 0 8k guard 4k "+expect+"\n")
		s.sequence(0)
		s.do(1, "n:4k")
		s.finally("f", "n:8k")
		return s
	}
	guarded("returns 4k").want("ok")
	guarded("may-fail EFAULT").want("fail count: op 1: read f 0 8k guard 4k may-fail EFAULT: returned 4k, want 8k")
	s := guarded("returns 4k")
	s.event(history.Return, 1).Data = content(t, "n:2k,.:2k")
	s.want("fail coherence: op 1: read f 0 8k guard 4k returns 4k: bytes [0x800, 0x1000) are zeros, want n")
}

func TestACloneWhileTheSourceIsWrittenHoldsOneOrTheOther(t *testing.T) {
	for text, want := range map[string]string{
		"o:8k": "ok", "n:8k": "ok", ".:8k": "fail coherence: finally k, mapped: bytes [0x0, 0x2000) are zeros, want n or o",
	} {
		s := stage(t, "write f 0 8k o\ngo w: write f 0 8k n\nclone f k\njoin w\n")
		s.sequence(0, 1)
		s.begin(2)
		s.do(3, "")
		s.end(2, "")
		s.sequence(4)
		s.finally("f", "n:8k")
		s.finally("k", text)
		s.want(want)
	}
}
