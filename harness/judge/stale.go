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

// firstStale is the time of the first warning, or of the beginning where an EIO has to do for one that could not be heard.
func (r *run) firstStale() (int64, bool) {
	at, said := r.heardStale()
	if !said && r.deaf() && r.failedUnasked() {
		return r.history.Events[0].Time, true
	}
	return at, said
}

// heardStale is the time of the first warning that was heard. The console's clock is not the tasks' own, so its warnings count from the beginning.
func (r *run) heardStale() (int64, bool) {
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
	return at, said
}

// deaf says whether the kernel's warning could not be heard: the function could not be traced, and the kernel is one that has been up before the
// program. Its log has ten of these warnings a day (dio_warn_stale_pagecache's rate limit), which others may have used up; a machine that is booted for
// a program or a few has not told them yet, so that its silence says something.
func (r *run) deaf() bool {
	return r.history.Header.Target == hostTarget && slices.ContainsFunc(r.history.Events, func(e history.Event) bool {
		return e.Kind == history.Note && (e.Name == "no-trace" || e.Name == "missing-event" && strings.HasPrefix(e.Text, staleProbe+":"))
	})
}

// hostTarget is what the header of a history calls the kernel that the harness itself runs on.
const hostTarget = "host"

// failedUnasked says whether the fsync of a file failed with EIO though the program had the disk refuse nothing, and a direct write to that file was
// met by what dirties its pages: then the error is what is left of the warning.
func (r *run) failedUnasked() bool {
	return !r.injectedAny() && slices.ContainsFunc(r.finals, func(e history.Event) bool {
		return e.Path == string(history.FinalSync) && e.Errno == "EIO" && len(collisions(r.extentsOf(e.File))) > 0
	})
}

// extentsOf are the extents of one file.
func (r *run) extentsOf(file string) []extent {
	return slices.DeleteFunc(r.extents(), func(e extent) bool { return e.op.File != file })
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
	if _, heard := r.heardStale(); heard {
		r.note("the kernel warned of stale page cache after a direct write")
	} else {
		r.note("an fsync failed with EIO after a direct write met what dirties its pages, which is taken for the warning of stale page cache that could not be heard here")
	}
	return nil
}

// excuses lists the ranges of a file in which stale page cache is legal: those of a direct write within the folios that a store or
// buffered write dirtied while it was in flight. None without both the warning and the EIO.
func (r *run) excuses(extents []extent) []span {
	if reported, _ := r.reportedEIO(); !reported || !r.saidStale() {
		return nil
	}
	return collisions(extents)
}

// collisions are the parts of a file's direct writes that collide with something.
func collisions(extents []extent) []span {
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
