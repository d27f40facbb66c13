package judge

import (
	"github.com/iomapcheck/iomapcheck/harness/prog"
)

// file is what the operations did to one file, for the coherence rules.
type file struct {
	name  string
	sizes *sizes
	// register answers for system calls; mapped also knows the stores beyond the end of the file, which only a mapping of the
	// same page may show.
	register, mapped *register
	reads            []read
	// lossy: the program makes writes of the file fail, so that what was written may be lost, and any earlier value come back.
	lossy bool
	// unjudged is from where on and since when collapse-range and insert-range have moved the content.
	unjudged []moved
	// after is the file as a power cut left it, for what is read when the power is back, which it is from revived on; nil without a cut.
	after   *file
	revived int
	// excused are the ranges in which the kernel admits stale page cache.
	excused []span
}

// moved says that content from a file position on stands elsewhere once the operation has begun.
type moved struct {
	from int64
	inv  int
}

// read is what an operation or a path returned of a file.
type read struct {
	interval
	off, length int64 // what was asked for
	data        prog.Content
	mapped      bool
	faults      bool  // its memory may fault, so that it may end early
	call        *call // nil for a path after the run
}

// extent is how far an operation reaches: when it began and ended, and how many bytes it is known to have done.
type extent struct {
	interval
	op   prog.Op
	step prog.Step
	done int64
	ok   bool
	data prog.Content // what a read returned
	// carries: what it wrote comes from elsewhere and is listed apart; only the size follows from it.
	carries bool
}

// extents lists what calls did, a submission with its reap as one; it ends when the reap does.
func (r *run) extents() []extent {
	var out []extent
	for _, c := range r.calls {
		if !c.step.Op.Verb.IsData() || c.step.Op.Verb == prog.VReap {
			continue
		}
		result := c
		if c.step.Op.Verb.Submits() && c.errno == "" {
			result = r.reaped[c]
		}
		e := extent{interval: interval{c.inv, never}, op: c.step.Op, step: c.step}
		if result != nil && result.returned() {
			e.ret, e.ok, e.done = result.ret, result.errno == "", result.n
			e.data = result.data
		}
		if !e.ok {
			e.done, e.data = 0, nil
		}
		out = append(out, e)
	}
	return out
}

// files builds what the coherence rules ask, by the files' names, in rounds where the program carries content from one place to
// another (see carry.go). The result is not nil where the program is wrong about what it carries.
func (r *run) files() (map[string]*file, *Result) {
	if r.built != nil {
		return r.built, r.wrong
	}
	extents := r.extents()
	r.built = r.filesOf(r.expand(extents, nil))
	if r.carries() {
		for range carryRounds - 1 {
			r.built = r.filesOf(r.expand(extents, r.built))
		}
		r.wrong = r.stated(extents, r.built)
	}
	r.addReads(r.built)
	return r.built, r.wrong
}

func (r *run) filesOf(extents []extent) map[string]*file {
	out := map[string]*file{}
	for _, name := range r.names {
		f := &file{name: name, sizes: newSizes(), lossy: r.injected(name, prog.Writes)}
		var mine []extent
		for _, e := range extents {
			if e.op.File == name {
				mine = append(mine, e)
			}
		}
		f.build(mine)
		f.excused = r.excuses(mine)
		if r.cut != nil {
			f.revived = r.cut.ret
			f.after = &file{name: name, sizes: newSizes(), lossy: f.lossy, excused: f.excused}
			f.after.build(r.survivors(name, mine))
		}
		out[name] = f
	}
	return out
}

// build applies all changes: sizes first, since what a store reaches depends on them.
func (f *file) build(extents []extent) {
	for _, e := range extents {
		f.resize(e)
	}
	f.sizes.index()
	var writes, beyond []write
	for _, e := range extents {
		w, b := f.writesOf(e)
		writes, beyond = append(writes, w...), append(beyond, b...)
	}
	if f.lossy {
		for i := range writes {
			writes[i].definite = false
		}
	}
	f.register = newRegister(writes)
	f.mapped = f.register
	if len(beyond) > 0 {
		f.mapped = newRegister(append(beyond, writes...))
	}
}

// resize notes what an operation does to the size. Stores do nothing to it. Of fallocate's modes only alloc is known to extend;
// whether zero-range and unshare do depends on a flag.
func (f *file) resize(e extent) {
	op := e.op
	switch {
	case op.Verb == prog.VTruncate:
		f.sizes.add(sizeChange{op.Len, op.Len, true, e.ok && !f.lossy}, e.interval)
	case op.Verb == prog.VFallocate:
		f.resizeFalloc(e)
	case op.Verb.Writes() && op.Verb != prog.VStore:
		done := min(e.done, op.Len)
		if done > 0 {
			f.sizes.add(sizeChange{op.Off + 1, op.Off + done, false, !f.lossy}, e.interval)
		}
		if done < op.Len {
			f.sizes.add(sizeChange{op.Off + done + 1, op.Off + op.Len, false, false}, e.interval)
		}
	}
}

func (f *file) resizeFalloc(e extent) {
	switch op := e.op; op.Mode {
	case prog.FallocAlloc:
		f.sizes.add(sizeChange{op.Off + 1, op.Off + op.Len, false, e.ok && !f.lossy}, e.interval)
	case prog.FallocZero, prog.FallocUnshare:
		f.sizes.add(sizeChange{op.Off + 1, op.Off + op.Len, false, false}, e.interval)
	case prog.FallocCollapse, prog.FallocInsert:
		if e.ok || e.ret == never {
			f.unjudged = append(f.unjudged, moved{op.Off, e.inv})
			f.sizes.shifted = min(f.sizes.shifted, e.inv)
		}
	}
}

// writesOf is what an operation writes: the part that is known to be done, and the part that may have been. The second result is
// for mappings only.
func (f *file) writesOf(e extent) (writes, beyond []write) {
	op := e.op
	whole := span{op.Off, op.Off + op.Len}
	switch {
	case e.carries:
		return nil, nil
	case op.Verb == prog.VStore:
		return f.storesOf(e, whole)
	case op.Verb == prog.VTruncate:
		return []write{{span{op.Len, maxBytes}, e.interval, prog.Zero, e.ok}}, nil
	case op.Verb == prog.VFallocate && (op.Mode == prog.FallocPunch || op.Mode == prog.FallocZero):
		return []write{{whole, e.interval, prog.Zero, e.ok}}, nil
	case op.Verb.Writes():
		done := span{op.Off, op.Off + min(e.done, op.Len)}
		writes = appendWrite(writes, write{done, e.interval, op.Fill, true})
		return appendWrite(writes, write{span{done.end, whole.end}, e.interval, op.Fill, false}), nil
	}
	return nil, nil
}

// storesOf cuts a store at the end of the file: what lies within every size that the file may have had was stored; what lies
// within some may have been; what lies beyond all must never be seen but through a mapping, and the kernel may zero it at any
// time (mm/filemap.c, mm/truncate.c:pagecache_isize_extended).
//
//	├─────── store ────────────────┤
//	│ definite  │ perhaps  │ beyond
//	      smallest      largest size
func (f *file) storesOf(e extent, whole span) (writes, beyond []write) {
	least, most := f.sizes.during(e.interval).bounds()
	cut := func(lo, end int64) span { return span{max(whole.lo, lo), min(whole.end, end)} }
	writes = appendWrite(writes, write{cut(0, least), e.interval, e.op.Fill, e.ok})
	writes = appendWrite(writes, write{cut(least, most), e.interval, e.op.Fill, false})
	return writes, appendWrite(nil, write{cut(most, maxBytes), e.interval, e.op.Fill, false})
}

func appendWrite(list []write, w write) []write {
	if w.lo >= w.end {
		return list
	}
	return append(list, w)
}

// addReads lists every content that the run's operations returned, in the order in which they did.
func (r *run) addReads(files map[string]*file) {
	for _, c := range r.byReturn() {
		op, begun := r.source(c), c.inv
		if s := r.submitted[c]; s != nil {
			begun = s.inv
		}
		if c.errno != "" || !op.Verb.Reads() || c.step.Op.Verb.Submits() || op.Verb == prog.VReap {
			continue
		}
		f := files[op.File].at(interval{begun, c.ret})
		f.reads = append(f.reads, read{interval{begun, c.ret}, op.Off, op.Len, c.data, op.Verb.Mapped(), op.Buffer.Kind != prog.Plain, c})
	}
}
