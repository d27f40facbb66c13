package disk

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"
)

// twoHeld is a disk that holds two writes and a flush, and is shelved.
func twoHeld(t *testing.T) *Shelved {
	t.Helper()
	s := serve(t, New(1<<20))
	ok(t, s.write(0, fill('o', 16384)))
	s.Hold(Match{Ops: Writes | Flushes})
	calls := []*call{s.writeAsync(0, fill('a', 4096))}
	mustAwait(t, s.Disk, 1)
	calls = append(calls, s.writeAsync(4096, fill('b', 4096)))
	mustAwait(t, s.Disk, 2)
	calls = append(calls, s.flushAsync())
	mustAwait(t, s.Disk, 3)
	shelved, err := s.Shelve()
	if err != nil {
		t.Fatal(err)
	}
	for i, c := range calls {
		if err := c.wait(); !hasErrno(err, ENOSPC) {
			t.Errorf("request %d was answered %v, want ENOSPC", i, err)
		}
	}
	if err := s.write(0, fill('x', 512)); !hasErrno(err, ENOSPC) {
		t.Errorf("a write to a shelved disk: %v, want ENOSPC", err)
	}
	ok(t, s.flush())
	s.expect(t, 0, fill('o', 16384))
	return shelved
}

func TestAShelvedDiskIsGoneOnWithAsOftenAsOneLikes(t *testing.T) {
	shelved := twoHeld(t)
	if shelved.Len() != 3 {
		t.Fatalf("%d requests are shelved, want 3", shelved.Len())
	}
	for _, first := range []RequestID{2, 3} {
		s := serve(t, New(1<<20))
		ok(t, s.Unshelve(shelved))
		var events []Event
		s.Record(func(e Event) { events = append(events, e) })
		// The client asks again, in whatever order.
		f, b, a := s.flushAsync(), s.writeAsync(4096, fill('b', 4096)), s.writeAsync(0, fill('?', 4096))
		ok(t, s.AwaitBack(t.Context()))
		if held := s.Held(); len(held) != 3 || held[0].ID != 2 || held[1].ID != 3 || held[2].Op != OpFlush || held[2].ID != 4 {
			t.Fatalf("held %v, want the writes #2 and #3 and the flush #4", held)
		}
		s.Record(nil)
		if len(events) > 0 {
			t.Errorf("what came back was told of: %v", events)
		}
		other := s.writeAsync(8192, fill('c', 4096))
		mustAwait(t, s.Disk, 4)
		if id := s.Held()[3].ID; id != 5 {
			t.Errorf("the next request is #%d, want #5", id)
		}
		s.Release(One(first))
		released := map[RequestID]*call{2: a, 3: b}
		ok(t, released[first].wait())
		if f.answered() || other.answered() || released[5-first].answered() {
			t.Error("more than was released was answered")
		}
		want := map[RequestID][]byte{2: append(fill('a', 4096), fill('o', 12288)...), 3: append(append(fill('o', 4096), fill('b', 4096)...), fill('o', 8192)...)}
		s.expect(t, 0, want[first]) // with the bytes that the write had when it was held first
	}
}

func TestWhoDoesNotAskAgainIsNamed(t *testing.T) {
	s := serve(t, New(1<<20))
	ok(t, s.Unshelve(twoHeld(t)))
	s.flushAsync()
	s.writeAsync(4096, fill('b', 4096))
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := s.AwaitBack(ctx); err == nil || !strings.Contains(err.Error(), "#2 write [0x0, 0x1000)") || strings.Contains(err.Error(), "#3") {
		t.Errorf("got %v", err)
	}
	s.Close()
	if err := s.AwaitBack(t.Context()); !errors.Is(err, ErrClosed) {
		t.Errorf("closed: %v", err)
	}
}

func TestWhatCannotBeShelvedIsLeftAsItIs(t *testing.T) {
	for want, prepare := range map[string]func(*served){
		"a read's error reaches the guest": func(s *served) {
			s.Hold(Match{Ops: Reads})
			s.readAsync(0, 4096)
			mustAwait(t, s.Disk, 1)
		},
		"it remembers what is durable": func(s *served) { s.TrackPower(true) },
		"1 requests are delayed": func(s *served) {
			s.Delay(Match{Ops: Flushes}, time.Hour, 1)
			s.flushAsync()
			ok(t, s.write(0, fill('x', 512))) // comes behind the flush
		},
		"closed": func(s *served) { s.Close() },
	} {
		s := serve(t, New(1<<20))
		prepare(s)
		if _, err := s.Shelve(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want an error with %q, got %v", want, err)
		} else if want != "closed" {
			s.Release(All())
			ok(t, s.write(0, fill('y', 512)))
		}
	}
}
