package disk

import (
	"strings"
	"sync"
	"testing"
	"time"
)

const hour = time.Hour

// awaitEvent waits until the disk has recorded such an event.
func awaitEvent(t testing.TB, d *Disk, want func(Event) bool) {
	t.Helper()
	seen := make(chan struct{})
	var once sync.Once
	d.Record(func(e Event) {
		if want(e) {
			once.Do(func() { close(seen) })
		}
	})
	for _, e := range d.Recent() {
		if want(e) {
			return
		}
	}
	select {
	case <-seen:
	case <-t.Context().Done():
		t.Fatal("the event never came")
	}
}

func TestFailAnswersTheErrnoCountTimesAndLeavesTheContents(t *testing.T) {
	s := serve(t, New(1<<20))
	ok(t, s.write(0, fill('o', 4096)))
	s.Fail(Match{Ops: Writes, Ranges: []Range{{0, 4096}}}, ENOSPC, 2)
	for range 2 {
		if err := s.write(0, fill('n', 4096)); !hasErrno(err, ENOSPC) {
			t.Fatalf("%v, want ENOSPC", err)
		}
		ok(t, s.write(8192, fill('x', 512)))
	}
	s.expect(t, 0, fill('o', 4096))
	ok(t, s.write(0, fill('n', 4096)))
	s.expect(t, 0, fill('n', 4096))
}

func TestEveryErrnoOfTheProtocolReachesTheClient(t *testing.T) {
	s := serve(t, New(1<<20))
	for errno, name := range errnos() {
		s.Fail(Match{Ops: Flushes}, errno, 1)
		if err := s.flush(); !hasErrno(err, errno) {
			t.Errorf("%v, want %s", err, name)
		}
	}
}

func TestARuleWithoutCountLastsUntilClearRules(t *testing.T) {
	s := serve(t, New(1<<20))
	s.Fail(Match{Ops: AllOps}, EIO, -1)
	s.Fail(Match{Ops: AllOps}, ENOSPC, 0) // never applies
	for range 5 {
		if err := s.flush(); !hasErrno(err, EIO) {
			t.Fatalf("%v, want EIO", err)
		}
	}
	if r := s.readAsync(0, 512); !hasErrno(r.wait(), EIO) {
		t.Fatal("the read did not fail")
	}
	s.ClearRules()
	ok(t, s.flush())
}

func TestAHeldRequestMeetsAFailRuleWhenItIsReleased(t *testing.T) {
	s := serve(t, New(1<<20))
	s.Hold(Match{Ops: Writes})
	w := s.writeAsync(0, fill('n', 512))
	mustAwait(t, s.Disk, 1)
	s.Fail(Match{Ops: Writes}, EIO, 1)
	s.Release(All())
	if err := w.wait(); !hasErrno(err, EIO) {
		t.Fatalf("%v, want EIO", err)
	}
	s.expect(t, 0, fill(0, 512))
}

func TestADelayedRequestIsCarriedOutAfterItsTimeAndDoesNotStopOthers(t *testing.T) {
	s := serve(t, New(1<<20))
	const by = 30 * time.Millisecond
	s.Delay(Match{Ops: Writes}, by, 1)
	start := time.Now()
	w := s.writeAsync(0, fill('n', 512))
	awaitEvent(t, s.Disk, func(e Event) bool { return e.What == Delayed })
	s.expect(t, 4096, fill(0, 512))
	ok(t, w.wait())
	if took := time.Since(start); took < by {
		t.Fatalf("answered after %v, want %v at least", took, by)
	}
	s.expect(t, 0, fill('n', 512))
}

func TestALostWriteIsAcknowledgedAndNotThere(t *testing.T) {
	s := serve(t, New(1<<20))
	ok(t, s.write(0, fill('o', 4096)))
	s.Lose(Match{Ops: AllOps}, 1)
	s.expect(t, 0, fill('o', 512)) // a read is no write to lose
	ok(t, s.flush())
	ok(t, s.write(0, fill('n', 4096)))
	s.expect(t, 0, fill('o', 4096))
	ok(t, s.write(0, fill('n', 4096)))
	s.expect(t, 0, fill('n', 4096))
}

func TestAStaleReadReturnsTheBytesOfTheMark(t *testing.T) {
	s := serve(t, New(1<<20))
	ok(t, s.write(0, fill('o', 4096)))
	s.MarkStale()
	ok(t, s.write(0, fill('n', 4096)))
	s.Stale(Match{Ops: AllOps}, 2)
	ok(t, s.flush()) // is no read
	s.expect(t, 0, fill('o', 4096))
	s.expect(t, 0, fill('o', 4096))
	s.expect(t, 0, fill('n', 4096))
}

func TestWithoutAMarkStaleMeansTheTimeOfTheRule(t *testing.T) {
	s := serve(t, New(1<<20))
	ok(t, s.write(0, fill('o', 4096)))
	s.Stale(Match{Ops: Reads}, 1)
	ok(t, s.write(0, fill('n', 4096)))
	s.expect(t, 0, fill('o', 4096))
}

func TestEventsTellTheLifeOfARequestInOrder(t *testing.T) {
	s := serve(t, New(1<<20))
	var mu sync.Mutex
	var story []string
	s.Record(func(e Event) {
		mu.Lock()
		defer mu.Unlock()
		story = append(story, e.String())
	})
	s.Hold(Match{Ops: Writes})
	w := s.send(1, 1, 0x1000, 4096, fill('x', 4096))
	mustAwait(t, s.Disk, 1)
	s.expect(t, 0, fill(0, 512))
	s.Lose(Match{Ops: Writes}, 1)
	s.Release(All())
	ok(t, w.wait())
	s.Fail(Match{Ops: Flushes}, EIO, 1)
	_ = s.flush()
	s.Record(nil)
	ok(t, s.flush())
	want := `1 arrived #1 write [0x1000, 0x2000) fua
2 held #1 write [0x1000, 0x2000) fua
3 arrived #2 read [0x0, 0x200)
4 answered #2 read [0x0, 0x200)
5 released #1 write [0x1000, 0x2000) fua
6 lost #1 write [0x1000, 0x2000) fua
7 answered #1 write [0x1000, 0x2000) fua
8 arrived #3 flush
9 failed #3 flush EIO`
	mu.Lock()
	defer mu.Unlock()
	if got := strings.Join(story, "\n"); got != want {
		t.Fatalf("got:\n%s\nwant:\n%s", got, want)
	}
}

func TestTheRingKeepsTheNewestEventsInOrder(t *testing.T) {
	s := serve(t, New(1<<20))
	for range ringSize {
		ok(t, s.flush())
	}
	recent := s.Recent()
	if len(recent) != ringSize {
		t.Fatalf("%d events kept, want %d", len(recent), ringSize)
	}
	for i, e := range recent {
		if want := uint64(ringSize + i + 1); e.Seq != want {
			t.Fatalf("event %d has number %d, want %d", i, e.Seq, want)
		}
		if i > 0 && e.Time.Before(recent[i-1].Time) {
			t.Fatalf("event %d is before its predecessor", i)
		}
	}
}
