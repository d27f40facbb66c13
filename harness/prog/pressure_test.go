package prog

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

// kernel counts memory as a real machine does, page as the engine does.
func kernel() Memory { return Memory{Grain: MiB, Process: MiB, WritesBack: true} }
func page() Memory   { return Memory{Grain: 16 * KiB, Rounds: 3} }

const overwritten = "write f 0 64k o\nfsync f\nhold writes f 0 64k\ngo w: direct-write f 0 64k n\nawait held 1\nread f 0 64k ? o|n may-block @r\nrelease\njoin w\nwitness held-while r\n"

func TestAProgramUnderPressureExpectsTheSameAndCarriesEverythingInItsText(t *testing.T) {
	p := parsed(t, overwritten)
	for _, d := range Dials() {
		for _, m := range []Memory{kernel(), page()} {
			q, err := p.Under(d, m)
			if err != nil {
				t.Fatalf("%s: %v", d, err)
			}
			if again := parsed(t, q.String()); again.String() != q.String() {
				t.Errorf("%s: the text is another program", d)
			}
			if s, _ := q.Find("r"); s.Op.String() != "read f 0 64k ? o|n may-block @r" || !q.LimitsMemory() {
				t.Errorf("%s: %s", d, q)
			}
			if want := []Witness{WhileHeld("r"), PagesTaken(1)}; !slices.EqualFunc(q.Witnesses, want, func(a, b Witness) bool { return a.String() == b.String() }) {
				t.Errorf("%s: witnesses %v", d, q.Witnesses)
			}
		}
	}
}

func TestTheLimitLiesBelowTheWorkingSetWhateverTheProcessesTake(t *testing.T) {
	q, err := parsed(t, overwritten).Under(DialMax, kernel())
	if err != nil {
		t.Fatal(err)
	}
	// Main, the task beside it, w, and the read that may block.
	const limit, ballast = 64*KiB + MiB, 64*KiB + 2*MiB + 4*MiB
	if q.Ops[0].Len != ballast || q.Ops[1].Verb != VMemoryMax || q.Ops[1].Len != limit {
		t.Errorf("%s", q)
	}
}

func TestTheFloodComesBeforeEachStepOfMainButInALongProgramEvenly(t *testing.T) {
	q, err := parsed(t, strings.Repeat("fsync f\n", 60)).Under(DialHigh, page())
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(q.String(), "flood"); n != maxFloods {
		t.Errorf("%d floods, want %d", n, maxFloods)
	}
	q, err = parsed(t, "write f 0 4k o\nfsync f\ncut\nread f 0 4k = o\n").Under(DialHigh, page())
	if err != nil || strings.Contains(q.String()[strings.Index(q.String(), "cut"):], "flood") {
		t.Errorf("a flood behind the power cut that ended the limit: %v\n%s", err, q)
	}
}

func TestAProgramThatLimitsMemoryItselfIsLeftAsItIs(t *testing.T) {
	for _, text := range []string{"memory max 1m\nfsync f\n", "fsync f\nreclaim 4k\n", "fsync f\nhog 4k\n"} {
		p := parsed(t, text)
		if q, err := p.Under(DialHog, kernel()); err != nil || q.String() != p.String() {
			t.Errorf("%q became %q, %v", text, q, err)
		}
	}
}

func TestAProgramThatMeansSomethingElseUnderPressureIsRefusedWithTheReason(t *testing.T) {
	for text, want := range map[string]string{
		"resident f 0 4k returns 4k":                         "may have been reclaimed",
		"read f 0 4k nowait":                                 "without waiting",
		"hold reads\nread f 0 4k\nrelease":                   "whose reads are held",
		"hold reads f 0 4k\nstore f 0 4k n\nrelease":         "whose reads are held",
		"write ballast 0 4k o":                               "of its own",
		"write f 8m 4k o":                                    "want 8m at most",
		"go pressure: fsync f":                               "of its own",
		"hold reads\ndirect-write g 0 4k o via f 0\nrelease": "whose reads are held",
	} {
		_, err := parsed(t, text+"\n").Under(DialHigh, kernel())
		var cannot *PressureError
		if !errors.As(err, &cannot) || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want …%s…", text, err, want)
		}
	}
	for _, text := range []string{
		"resident f 0 4k returns 0", "read f 0 4k nowait may-fail EAGAIN", "hold reads\nread f 0 4k may-block\nrelease", "hold reads\nrelease\nread f 0 4k",
		"hold reads\ndirect-read f 0 4k may-block\nrelease",
	} {
		if _, err := parsed(t, text+"\n").Under(DialHigh, kernel()); err != nil {
			t.Errorf("%q: %v", text, err)
		}
	}
	if _, err := parsed(t, "fsync f\n").Under("lots", kernel()); err == nil || !strings.Contains(err.Error(), "[high max reclaim hog]") {
		t.Errorf("an unknown dial: %v", err)
	}
}

func TestAHoldForWhatIsDirtyAlreadyComesTooLateWhereReclaimWritesBack(t *testing.T) {
	for text, late := range map[string]bool{
		"write f 0 4k o\nhold writes\nfsync f\nrelease\n":                   true,
		"store f 0 4k o\nhold all\nfsync f\nrelease\n":                      true,
		"write f 0 4k o\nfsync f\nhold writes\nrelease\n":                   false,
		"write f 0 4k o dsync\nhold writes\nrelease\n":                      false,
		"direct-write f 0 4k o\nhold writes\nrelease\n":                     false,
		"write f 0 4k o\nhold reads\nrelease\n":                             false,
		"hold writes\nwrite f 0 4k o\ngo s: fsync f\nawait held 1\nrelease": false,
	} {
		p := parsed(t, text)
		var cannot *PressureError
		if _, err := p.Under(DialReclaim, kernel()); errors.As(err, &cannot) != late {
			t.Errorf("%q: %v", text, err)
		}
		if _, err := p.Under(DialReclaim, page()); err != nil {
			t.Errorf("%q, where reclaim writes nothing: %v", text, err)
		}
		if _, err := p.Under(DialMax, kernel()); err != nil {
			t.Errorf("%q, where there is always something clean: %v", text, err)
		}
	}
}

// parsed is a program from its text.
func parsed(t *testing.T, text string) Program {
	t.Helper()
	p, err := Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return p
}
