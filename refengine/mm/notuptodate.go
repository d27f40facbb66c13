package mm

import "github.com/iomapcheck/iomapcheck/refengine/sched"

// MarkNotUptodate makes whoever reads what is still cached of [pos, end) read it from the disk again. No kernel has it: it is what was
// proposed, in place of falling back, for a direct write that cannot invalidate its range. What is dirty is taken to be
// superseded, also where the write does not cover the folio. Page tables keep their entries, as those of a mlocked mapping must: through
// them the old bytes stay visible until the second invalidation.
func (m *Mapping) MarkNotUptodate(t *sched.Task, pos, end int64) {
	last := IndexOf(end - 1)
	for f := m.FindFrom(t, IndexOf(pos), last); f != nil; f = m.FindFrom(t, f.Next(), last) {
		f.Lock(t)
		if f.mapping == m {
			f.WaitWriteback(t)
			f.clean(t)
			f.uptodate = false
		}
		f.Unlock(t)
	}
}
