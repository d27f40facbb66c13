package block

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/iomapcheck/iomapcheck/refengine/errno"
	"github.com/iomapcheck/iomapcheck/refengine/sched"
)

// onDisk runs a program against a fresh disk under many random schedules and returns the last one's events.
func onDisk(t *testing.T, main func(*sched.Task, *Disk)) []Event {
	t.Helper()
	var events []Event
	s := sched.New()
	defer s.Close()
	strategy := sched.NewRandom(1)
	for range 30 {
		events = nil
		r := s.Run(sched.Options{Strategy: strategy}, func(s *sched.Sched) {
			d := New(s, 1<<20)
			d.Record(func(e Event) { events = append(events, e) })
			s.Go("main", func(t *sched.Task) { main(t, d) })
		})
		if r.Outcome != sched.Done {
			t.Fatal(r)
		}
	}
	return events
}

func write(off int64, c byte, n int) *Request {
	return &Request{Op: OpWrite, Range: Range{off, off + int64(n)}, Data: bytes.Repeat([]byte{c}, n)}
}

func read(off int64, n int) *Request {
	return &Request{Op: OpRead, Range: Range{off, off + int64(n)}, Data: make([]byte, n)}
}

func must(ok bool, what string) {
	if !ok {
		panic(what)
	}
}

func TestReadReturnsWhatWasWrittenAcrossChunks(t *testing.T) {
	onDisk(t, func(t *sched.Task, d *Disk) {
		must(d.SubmitWait(t, write(4000, 'a', 5000)) == errno.OK, "write")
		r := read(3000, 8000)
		must(d.SubmitWait(t, r) == errno.OK, "read")
		want := append(append(make([]byte, 1000), bytes.Repeat([]byte{'a'}, 5000)...), make([]byte, 2000)...)
		must(bytes.Equal(r.Data, want), "contents")
	})
}

func TestHeldWriteIsAppliedAtItsRelease(t *testing.T) {
	onDisk(t, func(t *sched.Task, d *Disk) {
		d.SubmitWait(t, write(0, 'o', 512))
		d.Hold(Match{Ops: Writes})
		w := t.Go("writer", func(t *sched.Task) { d.SubmitWait(t, write(0, 'n', 512)) })
		must(d.AwaitHeld(t, 1) == 1, "held")
		r := read(0, 512)
		d.SubmitWait(t, r)
		must(r.Data[0] == 'o', "read meanwhile sees the new bytes")
		d.Release(t, Everything())
		t.Join(w)
		d.SubmitWait(t, r)
		must(r.Data[0] == 'n', "read after the release sees the old bytes")
	})
}

func TestHeldReadSeesTheDiskAsOfItsRelease(t *testing.T) {
	onDisk(t, func(t *sched.Task, d *Disk) {
		d.SubmitWait(t, write(0, 'o', 512))
		d.Hold(Match{Ops: Reads})
		r := read(0, 512)
		reader := t.Go("reader", func(t *sched.Task) { d.SubmitWait(t, r) })
		d.AwaitHeld(t, 1)
		d.SubmitWait(t, write(0, 'n', 512))
		d.Release(t, Everything())
		t.Join(reader)
		must(r.Data[0] == 'n', "old bytes")
	})
}

func TestHoldMatchesByOperationAndRange(t *testing.T) {
	onDisk(t, func(t *sched.Task, d *Disk) {
		d.Hold(Match{Ops: Writes, Ranges: []Range{{4096, 8192}}})
		must(d.SubmitWait(t, write(0, 'a', 4096)) == errno.OK, "below")
		must(d.SubmitWait(t, write(8192, 'a', 512)) == errno.OK, "above")
		must(d.SubmitWait(t, read(4096, 512)) == errno.OK, "read")
		must(d.SubmitWait(t, &Request{Op: OpFlush}) == errno.OK, "flush")
		w := t.Go("writer", func(t *sched.Task) { d.SubmitWait(t, write(7680, 'a', 1024)) })
		must(d.AwaitHeld(t, 1) == 1, "overlapping write")
		d.Release(t, Everything())
		t.Join(w)
	})
}

// Three writes to one place are released in the order asked for: the last one applied wins.
func TestReleaseAppliesInTheOrderAskedFor(t *testing.T) {
	for _, c := range []struct {
		which []Which
		want  byte
	}{
		{[]Which{Everything()}, '3'},
		{[]Which{Newest(3)}, '1'},
		{[]Which{Newest(2), Everything()}, '1'},
		{[]Which{Oldest(1), Newest(2)}, '2'},
		{[]Which{One(3), One(1), One(2)}, '2'},
	} {
		onDisk(t, func(t *sched.Task, d *Disk) {
			d.Hold(Match{Ops: Writes})
			for i := range 3 {
				d.Submit(t, write(0, '1'+byte(i), 512))
			}
			for _, w := range c.which {
				d.Release(t, w)
			}
			p := make([]byte, 1)
			d.ReadAt(p, 0)
			must(p[0] == c.want, fmt.Sprintf("%v: %c applied last", c.which, p[0]))
			must(len(d.Held()) == 0, "something is still held")
		})
	}
}

func TestReleaseOfOneHoldLeavesTheOthers(t *testing.T) {
	onDisk(t, func(t *sched.Task, d *Disk) {
		a := d.Hold(Match{Ops: Writes, Ranges: []Range{{0, 512}}})
		d.Hold(Match{Ops: Writes, Ranges: []Range{{512, 1024}}})
		d.Submit(t, write(0, 'a', 512))
		d.Submit(t, write(512, 'b', 512))
		must(len(d.Release(t, OfHold(a))) == 1, "released")
		must(len(d.Held()) == 1 && d.Held()[0].Range.Off == 512, "held")
		must(d.SubmitWait(t, write(0, 'c', 512)) == errno.OK, "the hold has ended")
		d.Release(t, Everything())
	})
}

func TestFailAnswersTheCountAndNoMore(t *testing.T) {
	events := onDisk(t, func(t *sched.Task, d *Disk) {
		d.Fail(Match{Ops: Writes}, errno.ENOSPC, 2)
		got := []errno.Errno{
			d.SubmitWait(t, write(0, 'a', 512)), d.SubmitWait(t, read(0, 512)),
			d.SubmitWait(t, write(0, 'b', 512)), d.SubmitWait(t, write(0, 'c', 512)),
		}
		must(fmt.Sprint(got) == "[ENOSPC OK ENOSPC OK]", fmt.Sprint(got))
	})
	var s []string
	for _, e := range events {
		s = append(s, e.What.String())
	}
	if got := strings.Join(s, " "); got != "arrived failed arrived answered arrived failed arrived answered" {
		t.Error(got)
	}
}

// Two requests in flight complete in either order.
func TestCompletionsComeInAnyOrder(t *testing.T) {
	seen := map[byte]bool{}
	rep := sched.Explore(t.Context(), sched.Options{Strategy: sched.NewDFS()}, func(s *sched.Sched) {
		d := New(s, 1<<20)
		s.Go("main", func(t *sched.Task) {
			d.Submit(t, write(0, '1', 1))
			d.Submit(t, write(0, '2', 1))
			for d.Flying() > 0 {
				t.Sleep(1)
			}
			p := make([]byte, 1)
			d.ReadAt(p, 0)
			seen[p[0]] = true
		})
	}, nil)
	if !rep.Complete || !seen['1'] || !seen['2'] {
		t.Errorf("%v, last applied %v", rep, seen)
	}
}
