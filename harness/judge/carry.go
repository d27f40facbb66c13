package judge

import (
	"slices"
	"strings"

	"github.com/iomapcheck/iomapcheck/harness/prog"
)

// Operations whose buffer is a mapping, and clones, carry content from one place to another. What arrives is what the source may
// have held while the operation ran, which the source's own register tells. The registers are therefore built several times: first as
// if a write from a mapping carried the fill that the program states, then with what the registers before say.
//
//	read f … via g     what it returned is stored in g, as by a store through the mapping
//	write f … via g    writes to f what a load from g may have found meanwhile
//	clone f g          writes to g what a read of f may have found meanwhile, and g is at least as long as f
//	copy-range f … g   the same for a range of each; g grows as by a write

// piece is a range of a file with the fills that its bytes may have.
type piece struct {
	span
	fills string
}

// possible lists what a read may find, piece by piece.
func (f *file) possible(d read) []piece {
	var out []piece
	g, end := f.registerFor(d), d.off+d.length
	for at := d.off; at < end; {
		stop := min(end, f.stop(d, at))
		c := g.at(at)
		fills := c.legalSet(d.interval)
		if f.lossy || f.isExcused(span{at, stop}) {
			fills = c.writtenSet(d.interval)
		}
		if least, _ := f.sizes.during(d.interval).bounds(); d.mapped && at >= least && !c.legal(prog.Zero, d.interval) {
			fills += prog.Zero.String()
		}
		out = append(out, piece{span{at, stop}, fills})
		at = stop
	}
	return out
}

// expand replaces what carries content from elsewhere by writes of plain fills, as far as the files of the first round tell, and keeps
// the rest. Without files it takes the program's word.
func (r *run) expand(extents []extent, known map[string]*file) []extent {
	var out []extent
	for _, e := range extents {
		via := e.op.Buffer.Kind == prog.Via
		switch {
		case via && e.op.Verb.Reads():
			out = append(out, e)
			out = append(out, e.intoMapping(known[e.op.File].at(e.interval))...)
		case via && known != nil:
			out = append(out, e.fromMapping(known[e.op.Buffer.File].at(e.interval))...)
		case e.op.Verb == prog.VClone && known != nil:
			out = append(out, e.cloned(known[e.op.File].at(e.interval))...)
		case e.op.Verb == prog.VCopyRange && known != nil:
			out = append(out, e.copied(known[e.op.File].at(e.interval))...)
		default:
			out = append(out, e)
		}
	}
	return out
}

// intoMapping are the stores that a read into a mapping amounts to: of what it returned, and, as far as it failed, fell short or was not
// told, perhaps of anything that it may have read.
func (e extent) intoMapping(source *file) []extent {
	var out []extent
	shift := e.op.Buffer.Off - e.op.Off
	at := e.op.Off
	for _, run := range e.data {
		s := span{at, at + run.Len}
		at = s.end
		if untold(run) {
			out = append(out, e.perhaps(source, s, shift)...)
			continue
		}
		out = append(out, e.store(s, shift, prog.Fill(run.Fill[0]), true))
	}
	if end := e.op.Off + e.op.Len; at < end {
		out = append(out, e.perhaps(source, span{at, end}, shift)...)
	}
	return out
}

// store is a store through the mapping that is the buffer, of what stands in the operation's file at s.
func (e extent) store(s span, shift int64, f prog.Fill, ok bool) extent {
	op := prog.Op{Verb: prog.VStore, File: e.op.Buffer.File, Off: s.lo + shift, Len: s.end - s.lo, Fill: f}
	return extent{interval: e.interval, op: op, done: op.Len, ok: ok}
}

// perhaps are stores of everything that may have been read of a range.
func (e extent) perhaps(source *file, s span, shift int64) []extent {
	if source == nil {
		return nil
	}
	var out []extent
	for _, p := range source.possible(read{interval: e.interval, off: s.lo, length: s.end - s.lo}) {
		for _, f := range p.fills {
			out = append(out, e.store(p.span, shift, prog.Fill(f), false))
		}
	}
	return out
}

// fromMapping are the writes of what the mapping may have held. The operation itself stays, as one that is known to have written nothing
// yet to have reached so far: the size follows from it.
func (e extent) fromMapping(source *file) []extent {
	own := e
	own.carries = true
	out := []extent{own}
	for _, p := range source.possible(read{interval: e.interval, off: e.op.Buffer.Off, length: e.op.Len, mapped: true}) {
		out = append(out, e.writes(p, e.op.Off-e.op.Buffer.Off)...)
	}
	return out
}

// writes are one write for each fill of a piece, which stands in the target shifted. They begin and end together, so that none hides
// another.
func (e extent) writes(p piece, shift int64) []extent {
	var out []extent
	target := e.op.File
	if e.op.Verb == prog.VClone || e.op.Verb == prog.VCopyRange {
		target = e.op.To
	}
	for _, f := range p.fills {
		op := prog.Op{Verb: prog.VWrite, File: target, Off: p.lo + shift, Len: p.end - p.lo, Fill: prog.Fill(f)}
		done := min(max(e.target()+e.done-op.Off, 0), op.Len)
		out = append(out, extent{interval: e.interval, op: op, done: done, ok: e.ok})
	}
	return out
}

// cloned are the writes that a clone amounts to, and the size that it gives.
func (e extent) cloned(source *file) []extent {
	least, most := source.sizes.during(e.interval).bounds()
	if most >= maxBytes {
		// Where a range was collapsed or inserted, nothing is known of the clone either.
		return []extent{{interval: e.interval, op: prog.Op{Verb: prog.VFallocate, File: e.op.To, Mode: prog.FallocInsert}, ok: e.ok}}
	}
	if most == 0 {
		return nil
	}
	certain := e.ok && least == most
	if e.ok {
		e.done = least
	}
	out := []extent{{interval: e.interval, op: prog.Op{Verb: prog.VFallocate, File: e.op.To, Mode: prog.FallocAlloc, Len: most}, ok: certain}}
	for _, p := range source.possible(read{interval: e.interval, length: most}) {
		out = append(out, e.writes(p, 0)...)
	}
	return out
}

// copied are the writes that a copy of a range amounts to. How far it came its count says; the copy itself stays as a write that carries, from
// which the size follows.
func (e extent) copied(source *file) []extent {
	own := e
	own.carries = true
	own.op = prog.Op{Verb: prog.VWrite, File: e.op.To, Off: e.op.ToOff, Len: e.op.Len}
	out := []extent{own}
	for _, p := range source.possible(read{interval: e.interval, off: e.op.Off, length: e.op.Len}) {
		out = append(out, e.writes(p, e.op.ToOff-e.op.Off)...)
	}
	return out
}

// target is where in the file that it writes an operation begins.
func (e extent) target() int64 {
	if e.op.Verb == prog.VCopyRange {
		return e.op.ToOff
	}
	return e.op.Off
}

// carried is the judge's question before what a program expects: whether it is right about what its buffers hold.
func (r *run) carried() *Result {
	if !r.carries() {
		return nil
	}
	_, wrong := r.files()
	return wrong
}

// carries says whether the program carries content from one place to another.
func (r *run) carries() bool {
	return slices.ContainsFunc(r.steps, func(s prog.Step) bool {
		return s.Op.Buffer.Kind == prog.Via || s.Op.Verb == prog.VClone || s.Op.Verb == prog.VCopyRange
	})
}

// carryRounds is how often the registers are built: a place can be reached over so many others, less one.
const carryRounds = 4

// stated demands that a write from a mapping could find there what the program says it carries: otherwise the program is wrong about
// itself, and what it expects later means nothing.
func (r *run) stated(extents []extent, known map[string]*file) *Result {
	for _, e := range extents {
		op := e.op
		if op.Buffer.Kind != prog.Via || !op.Verb.Writes() || !e.ok {
			continue
		}
		source := known[op.Buffer.File].at(e.interval)
		for _, p := range source.possible(read{interval: e.interval, off: op.Buffer.Off, length: min(e.done, op.Len), mapped: true}) {
			if !strings.ContainsRune(p.fills, rune(op.Fill)) && !source.isUnjudged(read{interval: e.interval}, p.lo) {
				return about(Infra, RuleAssumption, e.step, "the program says that the buffer holds %s, but bytes %s of %s must be %s",
					fillName(op.Fill.String()), p.span, op.Buffer.File, fills(p.fills))
			}
		}
	}
	return nil
}
