package lane

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/iomapcheck/iomapcheck/ci/report"
	"github.com/iomapcheck/iomapcheck/harness/history"
	"github.com/iomapcheck/iomapcheck/harness/prog"
)

func parse(t *testing.T, text string) prog.Program {
	t.Helper()
	p, err := prog.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// recorded is a history of the engine, with its program: a direct write whose failed invalidation is ignored.
func recorded(t *testing.T) (*history.History, prog.Program) {
	t.Helper()
	e, err := report.ReadEvidence("../testdata/runs/20261122-031952.698/refengine~6.12~xfs~fallback-redirty-during-writeback")
	if err != nil || e.History == nil {
		t.Fatalf("history %v: %v", e.History, err)
	}
	return e.History, e.Program
}

// rowsOf spells a picture's rows: "lane kind text".
func rowsOf(p Picture) []string {
	var out []string
	for _, r := range p.rows {
		lane := "-"
		if r.lane >= 0 {
			lane = p.lanes[r.lane]
		}
		out = append(out, fmt.Sprintf("%s %s %s", lane, r.kind, r.text))
	}
	return out
}

// barsOf spells a picture's bars: "lane kind first-last".
func barsOf(p Picture) []string {
	var out []string
	for _, b := range p.bars {
		out = append(out, fmt.Sprintf("%s %s %d-%d", p.lanes[b.lane], b.kind, b.first, b.last))
	}
	return out
}

// events makes a history whose events are at the times 1, 2, 3 …
func events(list ...history.Event) *history.History {
	for i := range list {
		list[i].Time = int64(i + 1)
	}
	return &history.History{Header: history.Header{Target: "refengine"}, Events: list}
}

func TestAHeldRequestIsABarFromItsArrivalToItsAnswer(t *testing.T) {
	p := parse(t, "write f 0 4k o\ngo w: direct-write f 0 4k n\nread f 0 4k ? o|n")
	disk := func(what history.What) history.Event {
		return history.Event{Kind: history.Disk, Op: -1, What: what, Request: 7, Dir: "write", Len: 4096}
	}
	got := Draw(events(
		history.Event{Kind: history.Invoke, Task: "main", Op: 0}, history.Event{Kind: history.Return, Task: "main", Op: 0, N: 4096},
		history.Event{Kind: history.Invoke, Task: "w", Op: 2}, disk(history.Held),
		history.Event{Kind: history.Invoke, Task: "main", Op: 3}, history.Event{Kind: history.Blocked, Task: "main", Op: 3, Where: []string{"folio_wait_bit"}},
		disk(history.Released), disk(history.Answered),
		history.Event{Kind: history.Return, Task: "main", Op: 3}, history.Event{Kind: history.Return, Task: "w", Op: 2, N: 4096},
	), p, 3)
	wantRows := []string{
		"main op 0: write f 0 4k o  ⇒ 4k", "w op 2: direct-write f 0 4k n", "disk held write #7 [0x0, 0x1000) held", "main bad 3: read f 0 4k ? o|n",
		"main bad asleep in read f 0 4k ? o|n at folio_wait_bit", "disk fly write #7 [0x0, 0x1000) released", "disk fly write #7 [0x0, 0x1000) answered",
		"main bad ⇒ 0  (3: read f 0 4k ? o|n)", "w op ⇒ 4k  (2: direct-write f 0 4k n)",
	}
	if rows := rowsOf(got); !slices.Equal(rows, wantRows) {
		t.Errorf("rows\n%s\nwant\n%s", strings.Join(rows, "\n"), strings.Join(wantRows, "\n"))
	}
	wantBars := []string{"main op 0-0", "w op 1-8", "main bad 3-7", "main sleep 4-7", "disk held 2-5", "disk fly 5-6"}
	if bars := barsOf(got); !slices.Equal(bars, wantBars) {
		t.Errorf("bars %q\nwant %q", bars, wantBars)
	}
}

func TestWhatNeverReturnedLastsToTheEnd(t *testing.T) {
	got := Draw(events(
		history.Event{Kind: history.Invoke, Task: "main", Op: 0},
		history.Event{Kind: history.Hang, Task: "main", Op: 0, Where: []string{"io_schedule"}},
	), parse(t, "fsync f"), -1)
	if bars := barsOf(got); !slices.Equal(bars, []string{"main bad 0-1"}) {
		t.Errorf("bars %q", bars)
	}
}

func TestSwarmsAreOneRowAndWhatIsRareAmongThemKeepsItsOwn(t *testing.T) {
	trace := func(name string) history.Event {
		return history.Event{Kind: history.Trace, Task: "main", Op: 0, Name: name}
	}
	list := []history.Event{{Kind: history.Invoke, Task: "main", Op: 0}}
	for range 16 {
		list = append(list, trace("iomapcheck:iomap_write_end"), trace("iomapcheck:folio_unlock"))
	}
	list = slices.Insert(list, 9, trace("iomap:iomap_dio_invalidate_fail"))
	list = append(list, history.Event{Kind: history.Return, Task: "main", Op: 0, N: 65536})
	got := Draw(events(list...), parse(t, "write f 0 64k o"), -1)
	want := []string{
		"main op 0: write f 0 64k o", "main trace 4 × iomap_write_end, 4 × folio_unlock", "main trace iomap:iomap_dio_invalidate_fail ",
		"main trace 12 × iomap_write_end, 12 × folio_unlock", "main op ⇒ 64k  (0: write f 0 64k o)",
	}
	if rows := rowsOf(got); !slices.Equal(rows, want) {
		t.Errorf("rows\n%s", strings.Join(rows, "\n"))
	}
	if got.Folded != len(list)-len(want) {
		t.Errorf("%d events are folded, want %d", got.Folded, len(list)-len(want))
	}
}

func TestARecordedHistoryIsDrawnWithEveryOperation(t *testing.T) {
	h, p := recorded(t)
	text := strings.Join(rowsOf(Draw(h, p, 10)), "\n")
	for _, s := range p.Steps() {
		if s.Op.Verb != prog.VGo && !strings.Contains(text, fmt.Sprintf("%d: %s", s.N, s.Op)) {
			t.Errorf("no row has op %d: %s\n%s", s.N, s.Op, text)
		}
	}
	for _, want := range []string{"disk held ", "iomap_dio_invalidate_fail", "finally f, direct after remount"} {
		if !strings.Contains(text, want) {
			t.Errorf("no row has %q", want)
		}
	}
}

func TestALongLadderKeepsItsEndsAndWhatTheVerdictIsAbout(t *testing.T) {
	var list []history.Event
	text := ""
	for i := range 400 {
		text += "fsync f\n"
		list = append(list, history.Event{Kind: history.Invoke, Task: "main", Op: i}, history.Event{Kind: history.Return, Task: "main", Op: i})
	}
	got := Draw(events(list...), parse(t, text), 200)
	rows := strings.Join(rowsOf(got), "\n") + "\n"
	if len(got.rows) > maxRows {
		t.Errorf("%d rows, at most %d are wanted", len(got.rows), maxRows)
	}
	for _, want := range []string{"main op 0: fsync f ", "main bad 200: fsync f ", "main op 399: fsync f ", "rows left out"} {
		if !strings.Contains(rows, want) {
			t.Errorf("no row has %q", want)
		}
	}
	for _, b := range got.bars {
		if b.first < 0 || b.last >= len(got.rows) || b.first > b.last {
			t.Fatalf("bar %+v is outside of %d rows", b, len(got.rows))
		}
	}
}

// An operation in a loop is in many rows, and the last ones tell.
func TestALadderIsBoundedHoweverOftenTheVerdictsOperationRan(t *testing.T) {
	var list []history.Event
	for i := range 2000 {
		list = append(list, history.Event{Kind: history.Invoke, Task: "main", Op: 1, Iter: i}, history.Event{Kind: history.Blocked, Task: "main", Op: 1, Iter: i},
			history.Event{Kind: history.Return, Task: "main", Op: 1, Iter: i, N: int64(i)})
	}
	for range maxRows {
		list = append(list, history.Event{Kind: history.Note, Op: -1, Name: "later"})
	}
	got := Draw(events(list...), parse(t, "repeat 2000 {\n  fsync f\n}"), 1)
	if len(got.rows) > maxRows+maxRows/3 {
		t.Errorf("%d rows, at most %d are wanted", len(got.rows), maxRows)
	}
	if text := strings.Join(rowsOf(got), "\n"); !strings.Contains(text, "⇒ 1999 ") {
		t.Errorf("the last time is not among them:\n%s", text)
	}
}

func TestPicturesAreWellFormedWhateverTheTextsSay(t *testing.T) {
	h, p := recorded(t)
	wild := events(
		history.Event{Kind: history.Invoke, Task: "<main>&", Op: 0},
		history.Event{Kind: history.Console, Op: -1, Name: "bug", Text: `<script>alert("1")</script> & ]]> ` + strings.Repeat("long ", 60)},
		history.Event{Kind: history.Return, Task: "<main>&", Op: 0, Errno: "EIO"},
	)
	for name, picture := range map[string]Picture{"recorded": Draw(h, p, 10), "wild": Draw(wild, parse(t, "fsync f"), 0), "empty": Draw(events(), parse(t, "fsync f"), -1)} {
		for _, svg := range []string{string(picture.Ladder()), string(picture.Overview())} {
			if strings.Contains(svg, "<script") {
				t.Errorf("%s: a text became an element", name)
			}
			if err := wellFormed(svg); err != nil {
				t.Errorf("%s: %v\n%s", name, err, svg)
			}
		}
	}
	if wellFormed("<svg><text></svg>") == nil {
		t.Error("what is not well-formed is not found")
	}
}

func wellFormed(text string) error {
	for d := xml.NewDecoder(strings.NewReader(text)); ; {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
	}
}
