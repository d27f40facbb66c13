// Package block is the simulated disk: byte contents, requests that complete in tasks of their own, and a program's
// control over them.
//
// The controls are those of the programmable disk behind real kernels. A request that arrives while a hold matches it is
// held: neither carried out nor answered. It is carried out when it is released, in the order of the release, so a read
// meanwhile sees the old bytes, and a held read sees what the disk has at its release. A request that is not held is
// carried out and answered by a task "disk", whose turn is the strategy's choice: completions come in any order.
//
// Footprints are by chunk of 4 KiB: while nothing is held, requests to different chunks are independent of each other.
//
// A disk is durable at once, unless EnableCut gives it a volatile write cache: then a write is durable once a flush that arrived after its
// answer has been answered, or at once with FUA, and Cut forgets the rest.
package block

import (
	"github.com/iomapcheck/iomapcheck/refengine/errno"
	"github.com/iomapcheck/iomapcheck/refengine/sched"
)

// chunkSize is the granularity of the sparse contents, in bytes.
const chunkSize = 4096

// Disk is a simulated disk. It belongs to one execution; the scheduler's atomic steps protect it.
type Disk struct {
	s      *sched.Sched
	size   int64
	chunks map[int64]*[chunkSize]byte // by byte position / chunkSize; a missing chunk is zeros
	memory *memory
	// obj stands for the order of requests: it is added to by every submission and written by whoever changes what submissions meet.
	obj sched.ObjID
	// contents stands, by parts, for the chunks.
	contents sched.ObjID
	// failing stands for the faults.
	failing sched.ObjID

	lastID  int
	flying  sched.Counter // requests submitted and not yet completed
	holds   []hold
	lastHid HoldID
	held    []*Request // in the order of arrival
	heldQ   sched.WaitQueue
	faults  []fault
	record  func(Event)
	scratch []byte // what a read would return, for Match.Data
	blank   byte   // what a byte is that nobody has written
	power   *power // nil unless EnableCut was called
}

// New returns a disk of zeros, size bytes long.
func New(s *sched.Sched, size int64) *Disk {
	d := &Disk{s: s, size: size, chunks: map[int64]*[chunkSize]byte{}, memory: memoryOf(s)}
	d.obj = s.NewObj(sched.Label{Class: "disk"})
	d.contents = s.NewObj(sched.Label{Class: "disk contents"})
	d.failing = s.NewObj(sched.Label{Class: "disk faults"})
	d.flying.Init(s, sched.Label{Class: "disk requests"})
	d.heldQ.Init(s, sched.Label{Class: "disk hold"})
	return d
}

// Size returns the disk's size in bytes.
func (d *Disk) Size() int64 { return d.size }

// Flying returns how many requests were submitted and have not completed, held ones included.
func (d *Disk) Flying() int { return d.flying.Count() }

// Record sets the function that is told of every event, in order. It must not enter the scheduler.
func (d *Disk) Record(f func(Event)) { d.record = f }

// Submit hands a request to the disk and returns at once; analogous to submit_bio. It is a scheduling point.
//
// Submissions commute while nothing is held: the numbers that requests get depend on their order, and nothing else does.
func (d *Disk) Submit(t *sched.Task, r *Request) {
	t.Point(sched.Op{Kind: sched.OpSubmit, Name: "submit_bio"}, nil)
	t.Adds(d.obj)
	d.lastID++
	r.ID, r.Task, r.err, r.hold = d.lastID, t.Name(), errno.OK, 0
	d.flying.Add(1)
	d.emit(Arrived, r)
	d.power.arrived(r)
	if id := d.holdFor(r); id != 0 {
		t.Writes(d.obj)
		r.hold = id
		d.held = append(d.held, r)
		d.emit(Held, r)
		d.heldQ.Wake()
		return
	}
	d.s.GoAt("disk", sched.Op{Kind: sched.OpFinish, Name: r.Op.String()}, func(t *sched.Task) {
		d.carryOut(r)
		d.complete(t, r)
	})
}

// SubmitWait submits a request and waits for its completion; analogous to submit_bio_wait. r.Done is not called.
func (d *Disk) SubmitWait(t *sched.Task, r *Request) errno.Errno {
	var done sched.Event
	done.Init(d.s, sched.Label{Class: "disk " + r.Op.String()})
	var result errno.Errno
	r.Done = func(_ *sched.Task, e errno.Errno) {
		result = e
		done.Set()
	}
	d.Submit(t, r)
	done.Wait(t, "submit_bio_wait")
	return result
}

// carryOut applies the request to the contents, unless a fault fails it or the power has gone since it arrived.
func (d *Disk) carryOut(r *Request) {
	if r.err = d.power.refuses(r); r.err == errno.OK {
		r.err = d.faultFor(r)
	}
	if r.err != errno.OK {
		d.emit(Failed, r)
		return
	}
	if r.Touch != nil {
		r.Touch(d.s)
	}
	switch r.Op {
	case OpRead:
		d.ReadAt(r.Data, r.Range.Off)
	case OpWrite:
		d.write(r.Data, r.Range.Off)
	}
	d.power.carriedOut(r)
	d.emit(Answered, r)
}

func (d *Disk) complete(t *sched.Task, r *Request) {
	d.flying.Add(-1)
	if r.Done != nil {
		r.Done(t, r.err)
	}
}

// ReadAt copies the disk's contents from off into p, at once and without a request: for judges and tests.
func (d *Disk) ReadAt(p []byte, off int64) {
	for len(p) > 0 {
		n := int(min(int64(len(p)), chunkSize-off%chunkSize))
		d.s.ReadsPart(d.contents, off/chunkSize)
		if c := d.chunks[off/chunkSize]; c != nil {
			copy(p[:n], c[off%chunkSize:])
		} else {
			d.wipe(p[:n])
		}
		p, off = p[n:], off+int64(n)
	}
}

// WriteAt copies p to the disk's contents at off, at once and without a request. It is durable.
func (d *Disk) WriteAt(p []byte, off int64) {
	d.write(p, off)
	d.power.wrote(p, off)
}

func (d *Disk) write(p []byte, off int64) {
	for len(p) > 0 {
		d.s.WritesPart(d.contents, off/chunkSize)
		c := d.chunk(off)
		n := copy(c[off%chunkSize:], p)
		p, off = p[n:], off+int64(n)
	}
}

func (d *Disk) emit(w What, r *Request) {
	if d.record != nil {
		d.record(Event{w, r.ID, r.Op, r.Range, r.Task, r.err, d.s.Steps()})
	}
}
