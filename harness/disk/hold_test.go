package disk

import (
	"context"
	"errors"
	"strings"
	"testing"
)

func TestAHeldWriteIsNeitherAppliedNorAnsweredBeforeItsRelease(t *testing.T) {
	s := serve(t, New(1<<20))
	ok(t, s.write(0, fill('o', 8192)))
	s.Hold(Match{Ops: Writes})
	w := s.writeAsync(0, fill('n', 8192))
	held := mustAwait(t, s.Disk, 1)
	if held[0].Op != OpWrite || held[0].Range != (Range{0, 8192}) {
		t.Fatalf("held %v, want write [0x0, 0x2000)", held[0])
	}
	s.expect(t, 0, fill('o', 8192))
	if w.answered() {
		t.Fatal("the held write was answered")
	}
	if got := s.Release(All()); len(got) != 1 || got[0] != held[0] {
		t.Fatalf("Release returned %v, want %v", got, held)
	}
	ok(t, w.wait())
	s.expect(t, 0, fill('n', 8192))
	ok(t, s.write(0, fill('m', 8192))) // Release(All()) ended the hold
}

func TestAHeldReadReturnsWhatIsThereAtItsRelease(t *testing.T) {
	s := serve(t, New(1<<20))
	ok(t, s.write(0, fill('o', 4096)))
	s.Hold(Match{Ops: Reads})
	r := s.readAsync(0, 4096)
	mustAwait(t, s.Disk, 1)
	ok(t, s.write(0, fill('n', 4096)))
	s.Release(All())
	ok(t, r.wait())
	if r.data[0] != 'n' {
		t.Fatalf("the held read returned %q, want 'n'", r.data[0])
	}
}

func TestAHoldWithRangesKeepsOnlyWhatOverlapsThemButEveryFlush(t *testing.T) {
	s := serve(t, New(1<<20))
	s.Hold(Match{Ops: Writes | Flushes, Ranges: []Range{{0x1000, 0x2000}, {0x8000, 0x8001}}})
	for _, off := range []int64{0, 0x2000, 0x7000, 0x9000} {
		ok(t, s.write(off, fill('a', 4096)))
	}
	s.writeAsync(0x1fff, fill('b', 1))
	s.writeAsync(0x7fff, fill('b', 2))
	s.flushAsync()
	held := mustAwait(t, s.Disk, 3)
	if held[0].Range != (Range{0x1fff, 0x2000}) || held[1].Range != (Range{0x7fff, 0x8001}) || held[2].Op != OpFlush {
		t.Fatalf("held %v", held)
	}
}

func TestTheLastOfOverlappingReleasesWins(t *testing.T) {
	tests := []struct {
		name  string
		which func(ids []RequestID) []Which
		want  byte
	}{
		{"all: the last to arrive", func([]RequestID) []Which { return []Which{All()} }, 'c'},
		{"newest first: the first to arrive", func([]RequestID) []Which { return []Which{Newest(3)} }, 'a'},
		{"newest with n above the count", func([]RequestID) []Which { return []Which{Newest(99)} }, 'a'},
		{"oldest two, then the rest", func([]RequestID) []Which { return []Which{Oldest(2), Oldest(99)} }, 'c'},
		{"newest one, then the rest", func([]RequestID) []Which { return []Which{Newest(1), All()} }, 'b'},
		{"in the order named", func(ids []RequestID) []Which { return []Which{One(ids[2], ids[0], ids[1])} }, 'b'},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := serve(t, New(1<<20))
			s.Hold(Match{Ops: Writes})
			for _, b := range []byte{'a', 'b', 'c'} {
				s.writeAsync(0, fill(b, 512))
			}
			var ids []RequestID
			for _, r := range mustAwait(t, s.Disk, 3) {
				ids = append(ids, r.ID)
			}
			for _, w := range tt.which(ids) {
				s.Release(w)
			}
			s.expect(t, 0, fill(tt.want, 512))
			if left := s.Held(); len(left) != 0 {
				t.Fatalf("still held: %v", left)
			}
		})
	}
}

func TestReleasesThatMeanNothingReleaseNothing(t *testing.T) {
	s := serve(t, New(1<<20))
	s.Hold(Match{Ops: Writes})
	s.writeAsync(0, fill('a', 512))
	id := mustAwait(t, s.Disk, 1)[0].ID
	for _, w := range []Which{One(id + 1), One(), Oldest(0), Oldest(-1), Newest(0), Newest(-1), Hold(99)} {
		if got := s.Release(w); len(got) != 0 {
			t.Fatalf("released %v", got)
		}
	}
	if got := s.Release(One(id, id)); len(got) != 1 {
		t.Fatalf("One(id, id) released %v, want it once", got)
	}
}

func TestTheOldestMatchingHoldKeepsTheRequestAndCanBeReleasedAlone(t *testing.T) {
	s := serve(t, New(1<<20))
	first := s.Hold(Match{Ops: Writes, Ranges: []Range{{0, 4096}}})
	s.Hold(Match{Ops: Writes})
	a := s.writeAsync(0, fill('a', 512))
	b := s.writeAsync(8192, fill('b', 512))
	mustAwait(t, s.Disk, 2)
	if got := s.Release(Hold(first)); len(got) != 1 || got[0].Range.Off != 0 {
		t.Fatalf("Release(Hold(first)) = %v", got)
	}
	ok(t, a.wait())
	if b.answered() {
		t.Fatal("the other hold's write was answered")
	}
	s.writeAsync(0, fill('c', 512)) // now the second hold's
	mustAwait(t, s.Disk, 2)
}

func TestStopHoldingLetsLaterRequestsPassAndReleasesNothing(t *testing.T) {
	s := serve(t, New(1<<20))
	id := s.Hold(Match{Ops: Writes})
	w := s.writeAsync(0, fill('a', 512))
	mustAwait(t, s.Disk, 1)
	s.StopHolding(id + 1)
	s.writeAsync(512, fill('a', 512))
	mustAwait(t, s.Disk, 2)
	s.StopHolding()
	ok(t, s.write(4096, fill('b', 512)))
	if w.answered() || len(s.Held()) != 2 {
		t.Fatalf("held %v after StopHolding", s.Held())
	}
}

func TestAwaitHeldTellsWhatItSawWhenItGivesUp(t *testing.T) {
	s := serve(t, New(1<<20))
	s.Hold(Match{Ops: Writes})
	ctx, cancel := context.WithCancel(t.Context())
	s.Record(func(e Event) {
		if e.What == Answered && e.Op == OpFlush {
			cancel()
		}
	})
	result := make(chan error, 1)
	go func() {
		held, err := s.AwaitHeld(ctx, 2)
		if len(held) != 1 {
			t.Errorf("AwaitHeld gave %v beside its error, want one request", held)
		}
		result <- err
	}()
	s.writeAsync(4096, fill('a', 4096))
	mustAwait(t, s.Disk, 1)
	ok(t, s.flush())
	err := <-result
	if !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "await 2 held requests: 1 held") {
		t.Fatalf("error %q", err)
	}
	if _, err := s.AwaitHeld(canceled(), 5); !strings.Contains(err.Error(), "nothing was asked of the disk meanwhile") {
		t.Fatalf("error %q", err)
	}
}

func TestAwaitHeldEndsWhenTheDiskIsClosed(t *testing.T) {
	d := New(1 << 20)
	result := make(chan error, 1)
	go func() {
		_, err := d.AwaitHeld(t.Context(), 1)
		result <- err
	}()
	d.Close()
	if err := <-result; !errors.Is(err, ErrClosed) {
		t.Fatalf("error %v, want ErrClosed", err)
	}
}

func TestHeldRequestsDoNotKeepTheClientFromLeaving(t *testing.T) {
	s := serve(t, New(1<<20))
	s.Hold(Match{Ops: AllOps})
	s.writeAsync(0, fill('x', 4096))
	s.readAsync(0, 4096)
	s.flushAsync()
	mustAwait(t, s.Disk, 3)
	s.leave()
	ok(t, <-s.serveErr)
	if left := s.Held(); len(left) != 0 {
		t.Fatalf("still held after the connection ended: %v", left)
	}
	dropped := 0
	for _, e := range s.Recent() {
		if e.What == Dropped {
			dropped++
		}
	}
	if dropped != 3 {
		t.Fatalf("%d requests dropped, want 3", dropped)
	}
	var b [1]byte
	if _, err := s.ReadAt(b[:], 0); err != nil || b[0] != 0 {
		t.Fatalf("a dropped write reached the contents: %q, %v", b[0], err)
	}
}

func TestCloseAnswersHeldAndDelayedRequestsWithESHUTDOWN(t *testing.T) {
	s := serve(t, New(1<<20))
	s.Hold(Match{Ops: Writes})
	s.Delay(Match{Ops: Reads}, hour, -1)
	w, r := s.writeAsync(0, fill('x', 4096)), s.readAsync(0, 512)
	mustAwait(t, s.Disk, 1)
	awaitEvent(t, s.Disk, func(e Event) bool { return e.What == Delayed })
	s.Close()
	for _, c := range []*call{w, r} {
		if err := c.wait(); !hasErrno(err, ESHUTDOWN) {
			t.Errorf("%v, want ESHUTDOWN", err)
		}
	}
	if err := <-s.serveErr; !errors.Is(err, ErrClosed) {
		t.Errorf("Serve returned %v, want ErrClosed", err)
	}
	if _, err := s.ReadAt(make([]byte, 1), 0); !errors.Is(err, ErrClosed) {
		t.Errorf("ReadAt after Close: %v", err)
	}
	if _, err := s.WriteAt(make([]byte, 1), 0); !errors.Is(err, ErrClosed) {
		t.Errorf("WriteAt after Close: %v", err)
	}
}

func TestAHoldByDataKeepsTheRequestsThatCarryOrAskForIt(t *testing.T) {
	s := serve(t, New(1<<20))
	ok(t, s.write(0, fill('m', 512)))
	marked := func(data []byte) bool { return len(data) > 0 && data[0] == 'm' }
	s.Hold(Match{Ops: AllOps, Data: marked})
	ok(t, s.flush(), s.trim(4096, 512), s.zero(8192, 512), s.write(4096, fill('x', 512)))
	s.expect(t, 4096, fill('x', 512))
	s.readAsync(0, 512)
	s.writeAsync(8192, fill('m', 512))
	held := mustAwait(t, s.Disk, 2)
	if held[0].Op != OpRead || held[1].Op != OpWrite {
		t.Fatalf("held %v", held)
	}
}
