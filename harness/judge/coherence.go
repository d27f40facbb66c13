package judge

import (
	"slices"
	"sort"

	"github.com/iomapcheck/iomapcheck/harness/history"
	"github.com/iomapcheck/iomapcheck/harness/prog"
)

// coherence is rule 5: the register rule for what operations read and then for what every path reads when all is quiet, the
// agreement of these paths, that a remount leaves the files readable, and that the kernel's warning of stale page cache was followed by an error.
func (r *run) coherence() *Result {
	files, _ := r.files()
	for _, rule := range []func(map[string]*file) *Result{r.readsExplained, r.sizesExplained, r.finalsExplained, r.agreement} {
		if res := rule(files); res != nil {
			return res
		}
	}
	if res := r.remounted(); res != nil {
		return res
	}
	return r.staleReported()
}

// remounted demands that every file can be read after the remount in the end. It is asked last: what the other paths read tells
// more, and is older.
func (r *run) remounted() *Result {
	for _, e := range r.finals {
		if e.Errno == "" || !afterRemount(e) {
			continue
		}
		why := r.excuseOf(e)
		if why == "" {
			return general(Fail, RuleCoherence, "finally %s, %s: could not be read after a remount: %s", e.File, e.Path, e.Errno)
		}
		r.note("finally %s, %s: %s%s", e.File, e.Path, e.Errno, why)
	}
	return nil
}

// noteUntold says of which reads the target did not tell everything, a line an operation, since a loop has very many.
func (r *run) noteUntold(reads []read) {
	times := map[int]int{}
	for _, d := range reads {
		if slices.ContainsFunc(d.data, untold) {
			times[d.call.step.N]++
		}
	}
	for _, s := range r.steps {
		if n := times[s.N]; n > 0 {
			r.note("%s: the end of what it read was not judged in %d of its reads: it is in too many pieces to be told", s.Op.Line(s.N), n)
		}
	}
}

// readsExplained applies the register rule to the run's reads, of all files in the order in which they returned.
func (r *run) readsExplained(files map[string]*file) *Result {
	var reads []read
	owner := map[*call]*file{}
	for _, name := range r.names {
		f := files[name]
		for _, f := range f.lives() {
			reads = append(reads, f.reads...)
			for _, d := range f.reads {
				owner[d.call] = f
			}
		}
		for _, m := range f.unjudged {
			r.note("%s: bytes from %#x on are not judged after a range was collapsed or inserted", name, m.from)
		}
	}
	sort.SliceStable(reads, func(i, j int) bool { return reads[i].ret < reads[j].ret })
	r.noteUntold(reads)
	for _, d := range reads {
		f := owner[d.call]
		if z := f.sizes.during(d.interval); !d.mapped && !d.explained(z) {
			lo, hi := z.bounds()
			rule := r.blame(d.interval, f.name, span{d.off, d.off + d.length}, RuleCoherence)
			return d.call.on(Fail, rule, "returned %s of %s at %#x, although the size is %s",
				prog.FormatSize(d.call.n), prog.FormatSize(d.length), d.off, between(lo, hi))
		}
		if m := f.mismatch(d); m != nil {
			return d.call.on(Fail, r.blame(d.interval, f.name, m.span, RuleCoherence), "%s", m)
		}
	}
	return nil
}

// explained says whether a read may have returned as much as it did. What ends early in a page fault says only that the file is no
// shorter; whether it may end early is the program's affair.
func (d read) explained(z sizeSet) bool {
	if d.faults && d.call.n < d.length {
		return d.call.n == 0 || z.any(d.off+d.call.n, maxBytes)
	}
	return z.explains(d.call.n, d.off, d.length)
}

// between says which sizes are legal, in words.
func between(lo, hi int64) string {
	if lo == hi {
		return prog.FormatSize(lo)
	}
	return "between " + prog.FormatSize(lo) + " and " + prog.FormatSize(hi)
}

// sizesExplained demands that every size an operation returned is one the file may have had.
func (r *run) sizesExplained(files map[string]*file) *Result {
	for _, c := range r.byReturn() {
		if c.step.Op.Verb != prog.VSize || c.errno != "" {
			continue
		}
		i, name := interval{c.inv, c.ret}, c.step.Op.File
		z := files[name].at(i).sizes.during(i)
		if !z.any(c.n, c.n) {
			lo, hi := z.bounds()
			return c.on(Fail, r.blame(i, name, span{0, maxBytes}, RuleCoherence), "returned %s, want %s", prog.FormatSize(c.n), between(lo, hi))
		}
	}
	return nil
}

// atEnd is after every operation.
func (r *run) atEnd() interval {
	end := len(r.history.Events)
	return interval{end, end}
}

// contents lists the paths that read a file after the run, with what they read, in order.
func (r *run) contents(file string) []history.Event {
	var out []history.Event
	for _, e := range r.finals {
		if e.File == file && e.Errno == "" && e.Path != string(history.FinalSync) {
			out = append(out, e)
		}
	}
	return out
}

// finalsExplained applies the register rule to what the paths read after the run.
func (r *run) finalsExplained(files map[string]*file) *Result {
	for _, name := range r.names {
		f := files[name].at(r.atEnd())
		for _, e := range r.contents(name) {
			if res := r.finalExplained(f, e); res != nil {
				return res
			}
		}
	}
	return nil
}

func (r *run) finalExplained(f *file, e history.Event) *Result {
	if z := f.sizes.during(r.atEnd()); !z.any(e.N, e.N) {
		lo, hi := z.bounds()
		return general(Fail, r.blame(r.atEnd(), f.name, span{0, maxBytes}, RuleCoherence), "finally %s, %s: the size is %s, want %s", f.name, e.Path, prog.FormatSize(e.N), between(lo, hi))
	}
	if n := e.Data.Len(); n != e.N && (e.Path != string(history.FinalMapped) || n < e.N) {
		return general(Fail, RuleCoherence, "finally %s, %s: %s can be read, although the size is %s", f.name, e.Path,
			prog.FormatSize(n), prog.FormatSize(e.N))
	}
	if m := f.mismatch(read{interval: r.atEnd(), data: e.Data.Slice(0, e.N)}); m != nil {
		return general(Fail, r.blame(r.atEnd(), f.name, m.span, RuleCoherence), "finally %s, %s: %s", f.name, e.Path, m)
	}
	return nil
}
