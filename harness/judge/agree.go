package judge

import (
	"github.com/iomapcheck/iomapcheck/harness/history"
	"github.com/iomapcheck/iomapcheck/harness/prog"
)

// agreement demands that all paths to a file read the same when all is quiet. Each is compared with the first, so that the first
// two that differ are named.
func (r *run) agreement(files map[string]*file) *Result {
	for _, name := range r.names {
		f, paths := files[name], r.contents(name)
		if f.lossy {
			r.note("%s: the program makes writes fail, so the paths to it need not agree", name)
			continue
		}
		for i := 1; i < len(paths); i++ {
			if res := f.agree(paths[0], paths[i]); res != nil {
				return res
			}
		}
	}
	return nil
}

// agree compares two paths outside of what is excused. What a mapping shows counts up to the size.
func (f *file) agree(a, b history.Event) *Result {
	if a.N != b.N {
		return general(Fail, RuleCoherence, "finally %s: the size is %s by %s but %s by %s", f.name,
			prog.FormatSize(a.N), a.Path, prog.FormatSize(b.N), b.Path)
	}
	for d := range differences(a.Data.Slice(0, a.N), b.Data.Slice(0, b.N), 0) {
		if part, ok := f.unexcused(d.span); ok {
			return general(Fail, RuleCoherence, "finally %s: bytes %s are %s by %s but %s by %s", f.name, part,
				describe(d.a), a.Path, describe(d.b), b.Path)
		}
	}
	return nil
}

// unexcused is the first part of a range that is not excused, if there is one.
func (f *file) unexcused(s span) (span, bool) {
	for s.lo < s.end {
		next := s.end
		for _, e := range f.excused {
			for _, cut := range []int64{e.lo, e.end} {
				if s.lo < cut && cut < next {
					next = cut
				}
			}
		}
		if part := (span{s.lo, next}); !f.isExcused(part) {
			return part, true
		}
		s.lo = next
	}
	return span{}, false
}
