package judge

import (
	"fmt"
	"slices"

	"github.com/iomapcheck/iomapcheck/harness/prog"
)

// mismatch is a range of one read that no legal order of the writes explains.
type mismatch struct {
	span
	got  prog.Run
	want string
}

func (m *mismatch) String() string {
	return fmt.Sprintf("bytes %s are %s, want %s", m.span, describe(m.got), fills(m.want))
}

// mismatch finds the first range of a read that breaks the register rule, as long as what is found and what is wanted stay
// the same; nil where there is none.
func (f *file) mismatch(d read) *mismatch {
	var found *mismatch
	at := d.off
	for _, run := range d.data {
		for end := at + run.Len; at < end; {
			stop := min(end, f.stop(d, at))
			want, ok := f.legal(d, at, run)
			switch {
			case ok && found != nil:
				return found
			case ok:
			case found == nil:
				found = &mismatch{span{at, stop}, run, want}
			case found.want == want && found.got.Fill == run.Fill:
				found.end = stop
			default:
				return found
			}
			at = stop
		}
	}
	return found
}

// registerFor is the register that a read is judged by.
func (f *file) registerFor(d read) *register {
	if d.mapped {
		return f.mapped
	}
	return f.register
}

// stop is how far the byte at pos is judged like those behind it.
func (f *file) stop(d read, pos int64) int64 {
	end := f.registerFor(d).cellEnd(pos)
	cut := func(at int64) {
		if pos < at {
			end = min(end, at)
		}
	}
	for _, m := range f.unjudged {
		cut(m.from)
	}
	for _, s := range f.excused {
		cut(s.lo)
		cut(s.end)
	}
	if d.mapped {
		least, _ := f.sizes.during(d.interval).bounds()
		cut(least)
	}
	return end
}

// legal says whether the read may find run at pos; if not, want are the fills it may find.
func (f *file) legal(d read, pos int64, run prog.Run) (want string, ok bool) {
	if untold(run) || f.isUnjudged(d, pos) {
		return "", true
	}
	c := f.registerFor(d).at(pos)
	fill := prog.Fill(run.Fill[0])
	switch {
	case c.legal(fill, d.interval):
		return "", true
	case f.lossy || f.isExcused(span{pos, pos + 1}):
		return c.writtenSet(d.interval), c.written(fill, d.interval)
	case d.mapped && fill == prog.Zero:
		// Beyond the end of the file the kernel may zero the page whenever it likes.
		least, _ := f.sizes.during(d.interval).bounds()
		return c.legalSet(d.interval), pos >= least
	}
	return c.legalSet(d.interval), false
}

func (f *file) isUnjudged(d read, pos int64) bool {
	return slices.ContainsFunc(f.unjudged, func(m moved) bool { return pos >= m.from && d.ret > m.inv })
}

// isExcused says whether the kernel may have left stale page cache in all of the range.
func (f *file) isExcused(s span) bool {
	return slices.ContainsFunc(f.excused, func(e span) bool { return e.lo <= s.lo && s.end <= e.end })
}
