package judge

import (
	"slices"
	"strings"

	"github.com/iomapcheck/iomapcheck/harness/history"
	"github.com/iomapcheck/iomapcheck/harness/prog"
)

// A page that is dirtied while a direct write to it is in flight cannot be invalidated when the write completes. The kernel then
// keeps the page, warns of it (kiocb_invalidate_post_direct_write, dio_warn_stale_pagecache), and has the next fsync fail with
// EIO. The write's count does not change, and the page's old bytes are written back over the new ones later. Documentation and all
// kernels agree on that, so it is legal, but only so: with the warning, with the EIO, and in the folios that were dirtied.

// largestFolio bounds the folio that a dirtied byte can keep, in bytes: a huge page. Histories do not tell folio sizes.
const largestFolio = 2 << 20

// saidStale says whether the kernel warned of stale page cache.
func (r *run) saidStale() bool { _, said := r.firstStale(); return said }

// firstStale is the time of the first warning. The console's clock is not the tasks' own, so its warnings count from the beginning.
func (r *run) firstStale() (int64, bool) {
	var at int64
	said := false
	for _, e := range r.history.Events {
		switch {
		case e.Kind == history.Console && e.Name == staleFinding:
			return r.history.Events[0].Time, true
		case e.Kind == history.Trace && e.Name == staleProbe && (!said || e.Time < at):
			at, said = e.Time, true
		}
	}
	if !said && r.deaf() && r.failedUnasked() {
		return r.history.Events[0].Time, true
	}
	return at, said
}

// deaf says whether the kernel's warning could not be heard: the console has ten of them a day (dio_warn_stale_pagecache's rate limit),
// and the function could not be traced.
func (r *run) deaf() bool {
	return slices.ContainsFunc(r.history.Events, func(e history.Event) bool {
		return e.Kind == history.Note && (e.Name == "no-trace" || e.Name == "missing-event" && strings.HasPrefix(e.Text, staleProbe+":"))
	})
}

// failedUnasked says whether an fsync failed with EIO though the program had the disk refuse nothing, and a direct write was met by what
// dirties pages: then the error is what is left of the warning.
func (r *run) failedUnasked() bool {
	return !r.injectedAny() && r.collided() && slices.ContainsFunc(r.finals, func(e history.Event) bool {
		return e.Path == string(history.FinalSync) && e.Errno == "EIO"
	})
}

// collided says whether a direct write was under way while something wrote to the same file through the page cache.
func (r *run) collided() bool {
	writes := func(c *call) bool { return c.step.Op.Verb.Writes() }
	for _, direct := range r.calls {
		for _, dirty := range r.calls {
			if writes(direct) && writes(dirty) && direct.step.Op.Direct() && !dirty.step.Op.Direct() &&
				direct.step.Op.File == dirty.step.Op.File && meet(direct, dirty) {
				return true
			}
		}
	}
	return false
}

// meet says whether a direct write may have been under way as another call was; the submission of an asynchronous one returns before it is
// done.
func meet(direct, other *call) bool {
	return direct.inv < other.ret && (direct.step.Op.AIO != "" || other.inv < direct.ret)
}

// reportedEIO says whether an fsync, or a write that includes one, failed with EIO after the kernel's warning; asked is
// false where there was none that could have, so that nothing follows.
func (r *run) reportedEIO() (reported, asked bool) {
	warned, _ := r.firstStale()
	for _, c := range r.calls {
		op := c.step.Op
		syncs := op.Verb == prog.VFsync || op.Verb == prog.VFdatasync || op.Flags&prog.DSync != 0
		if syncs && c.errno == "EIO" && c.retTime >= warned {
			return true, true
		}
	}
	for _, e := range r.finals {
		if e.Path == string(history.FinalSync) {
			asked = true
			reported = reported || e.Errno == "EIO"
		}
	}
	return reported, asked
}

// staleReported demands the EIO after the warning: otherwise an application has no way to know.
func (r *run) staleReported() *Result {
	if !r.saidStale() {
		return nil
	}
	if reported, asked := r.reportedEIO(); asked && !reported {
		return general(Fail, RuleCoherence, "the kernel warned of stale page cache after a direct write, but no fsync failed with EIO: the error is lost")
	}
	r.note("the kernel warned of stale page cache after a direct write")
	return nil
}

// excuses lists the ranges of a file in which stale page cache is legal: those of a direct write within the folios that a store or
// buffered write dirtied while it was in flight. None without both the warning and the EIO.
func (r *run) excuses(extents []extent) []span {
	if reported, _ := r.reportedEIO(); !reported || !r.saidStale() {
		return nil
	}
	var out []span
	seen := map[span]bool{}
	for _, direct := range extents {
		if !direct.op.Direct() || !direct.op.Verb.Writes() {
			continue
		}
		for _, dirty := range extents {
			s, ok := collision(direct, dirty)
			if ok && !seen[s] {
				seen[s] = true
				out = append(out, s)
			}
		}
	}
	return out
}

// collision is the part of a direct write that another operation may have kept from the page cache's invalidation.
func collision(direct, dirty extent) (span, bool) {
	if !dirty.op.Verb.Writes() || dirty.op.Direct() || dirty.inv > direct.ret || direct.inv > dirty.ret {
		return span{}, false
	}
	folios := span{dirty.op.Off / largestFolio * largestFolio, (dirty.op.Off + dirty.op.Len + largestFolio - 1) / largestFolio * largestFolio}
	d := span{direct.op.Off, direct.op.Off + direct.op.Len}
	s := span{max(folios.lo, d.lo), min(folios.end, d.end)}
	return s, folios.meets(d)
}
