package block

import (
	"fmt"
	"testing"

	"github.com/iomapcheck/iomapcheck/refengine/errno"
	"github.com/iomapcheck/iomapcheck/refengine/sched"
)

// at returns the byte at a place.
func at(d *Disk, off int64) string {
	p := make([]byte, 1)
	d.ReadAt(p, off)
	return string(p[0])
}

func TestCutForgetsWhatWasNotFlushed(t *testing.T) {
	fua := func(off int64, c byte) *Request {
		r := write(off, c, 512)
		r.FUA = true
		return r
	}
	onDisk(t, func(t *sched.Task, d *Disk) {
		d.WriteAt([]byte{'0'}, 4096)
		d.EnableCut()
		d.SubmitWait(t, write(0, 'a', 512))
		d.SubmitWait(t, &Request{Op: OpFlush})
		d.SubmitWait(t, write(0, 'b', 512))
		d.SubmitWait(t, write(4096, 'c', 512))
		d.SubmitWait(t, fua(8192, 'd'))
		d.WriteAt([]byte{'e'}, 12288)
		must(at(d, 0)+at(d, 4096)+at(d, 8192)+at(d, 12288) == "bcde", "before the cut")
		lost := d.Cut(t)
		must(fmt.Sprint(lost) == "[[0x0, 0x200) [0x1000, 0x1200)]", fmt.Sprint(lost))
		must(at(d, 0)+at(d, 4096)+at(d, 8192)+at(d, 12288) == "a0de", "after the cut")
	})
}

func TestDurableWritesApplyInTheirOrderAfterACut(t *testing.T) {
	onDisk(t, func(t *sched.Task, d *Disk) {
		d.EnableCut()
		d.SubmitWait(t, write(0, 'a', 512))
		r := write(0, 'b', 512)
		r.FUA = true
		d.SubmitWait(t, r)
		d.SubmitWait(t, write(0, 'c', 512))
		d.Cut(t)
		must(at(d, 0) == "b", at(d, 0))
	})
}

// A flush promises what was answered before it arrived, and no more.
func TestFlushDoesNotCoverWhatIsAnsweredAfterItsArrival(t *testing.T) {
	onDisk(t, func(t *sched.Task, d *Disk) {
		d.EnableCut()
		d.SubmitWait(t, write(0, 'a', 512))
		d.Hold(Match{Ops: Flushes})
		f := t.Go("flusher", func(t *sched.Task) { d.SubmitWait(t, &Request{Op: OpFlush}) })
		d.AwaitHeld(t, 1)
		d.SubmitWait(t, write(4096, 'b', 512))
		d.Release(t, Everything())
		t.Join(f)
		must(len(d.Cut(t)) == 1 && at(d, 0) == "a" && at(d, 4096) == "\x00", "only the first is durable")
	})
}

func TestCutShutsDownWhatIsHeldInFlightAndLater(t *testing.T) {
	onDisk(t, func(t *sched.Task, d *Disk) {
		d.EnableCut()
		d.Hold(Match{Ops: Writes})
		var errs [3]errno.Errno
		held := t.Go("held", func(t *sched.Task) { errs[0] = d.SubmitWait(t, write(0, 'a', 512)) })
		d.AwaitHeld(t, 1)
		d.StopHolding(0)
		d.Submit(t, &Request{Op: OpFlush, Done: func(_ *sched.Task, e errno.Errno) { errs[1] = e }})
		d.Cut(t)
		t.Join(held)
		errs[2] = d.SubmitWait(t, read(0, 512))
		for d.Flying() > 0 {
			t.Sleep(1)
		}
		must(errs[0] == errno.ESHUTDOWN && errs[2] == errno.ESHUTDOWN, fmt.Sprint(errs))
		must(errs[1] == errno.ESHUTDOWN || errs[1] == errno.OK, "a flush may come before the cut")
		d.PowerOn()
		must(d.SubmitWait(t, write(0, 'z', 512)) == errno.OK && at(d, 0) == "z", "after power on")
	})
}

func TestDirectAccessSurvivesACut(t *testing.T) {
	onDisk(t, func(t *sched.Task, d *Disk) {
		d.EnableCut()
		mem, _ := d.DirectAccess(t, 4096)
		mem[0] = 'x'
		d.Cut(t)
		must(at(d, 4096) == "x", "lost")
	})
}

// Requests to different places commute, to one place they do not: the footprints say so, and nothing is left out.
func TestRequestsToDistinctPlacesAreIndependent(t *testing.T) {
	program := func(apart int64) func(*sched.Sched) {
		return func(s *sched.Sched) {
			d := New(s, 1<<20)
			for i := range int64(3) {
				s.Go("writer", func(t *sched.Task) { d.SubmitWait(t, write(i*apart, '1'+byte(i), 512)) })
			}
			s.Go("end", func(t *sched.Task) {})
		}
	}
	for _, c := range []struct {
		apart     int64
		schedules int
	}{{chunkSize, 1}, {0, 6}} {
		rep := sched.Explore(t.Context(), sched.Options{Strategy: sched.NewDPOR(0)}, program(c.apart), nil)
		if !rep.Complete || rep.Executions != c.schedules {
			t.Errorf("%d bytes apart: %v, want %d", c.apart, rep, c.schedules)
		}
	}
}

// Every control of the disk declares what it touches.
func TestFootprintsOfTheDiskAreComplete(t *testing.T) {
	for _, cut := range []bool{false, true} {
		var d *Disk
		var got [2]string
		a := sched.Audit(t.Context(), sched.Options{Budget: 400}, func(s *sched.Sched) {
			got = [2]string{}
			d = New(s, 1<<20)
			if cut {
				d.EnableCut()
			}
			s.Go("a", func(t *sched.Task) {
				got[0] += fmt.Sprint(d.SubmitWait(t, write(0, 'a', 512)), d.SubmitWait(t, &Request{Op: OpFlush}))
			})
			s.Go("b", func(t *sched.Task) { got[1] += fmt.Sprint(d.SubmitWait(t, write(0, 'b', 512))) })
			s.Go("control", func(t *sched.Task) {
				t.Step("hold", 0)
				d.Hold(Match{Ops: Writes, Ranges: []Range{{0, 512}}})
				d.Fail(Match{Ops: Flushes}, errno.EIO, 1)
				d.Release(t, Everything())
				if cut {
					d.Cut(t)
					d.PowerOn()
				}
			})
		}, func(*sched.Result) string { return fmt.Sprint(got, at(d, 0), d.Flying()) })
		if len(a.Findings) > 0 || a.Finals < 4 || a.Swaps == 0 {
			t.Errorf("cut %v: %d finals, %d swaps, %v: %q", cut, a.Finals, a.Swaps, a.Proof, a.Findings)
		}
	}
}
