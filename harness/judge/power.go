package judge

import (
	"slices"

	"github.com/iomapcheck/iomapcheck/harness/history"
	"github.com/iomapcheck/iomapcheck/harness/prog"
)

// Durability: what a power cut must leave.
//
// A change is promised if it returned with success before the power was cut and was made durable in time: by an fsync or fdatasync of its
// file that began after it had returned and returned with success before the cut, or by O_DSYNC on the write itself. A promised
// write is seen after the cut, or a later one; a promised change of the size likewise. Any other change may have come
// to the disk in full, in part, or not at all, whatever was before it or after it, and ends at the cut at the latest:
//
//	write a, fsync     ├──┤ ├──┤          promised
//	write b                       ├──┤    may be lost
//	write c                          ├────── …   never returned: may be lost
//	cut                                   ┼
//	read                                     ├──┤   a, b or c; never what was before a, never what nobody wrote
//
// So there is a second register of each file, for what is read after the cut, in which of what came before the cut only what was promised
// is definite. All other rules go on as ever.

// powerCut is the program's power cut, once the power is back; nil before.
func (r *run) powerCut() *call {
	for _, c := range r.calls {
		if c.step.Op.Verb == prog.VCut && c.returned() {
			return c
		}
	}
	return nil
}

// endAtCut marks what was under way when the power was cut.
func (r *run) endAtCut() {
	r.cut = r.powerCut()
	if r.cut == nil {
		return
	}
	for _, c := range r.calls {
		if !c.returned() && c.inv < r.cut.ret {
			c.lost, c.retTime = true, r.cut.invTime
		}
	}
}

// neverBegan says whether the power was cut before the operation's task came to it.
func (r *run) neverBegan(s prog.Step) bool {
	return r.cut != nil && s.N < r.cut.step.N && s.Task != "main"
}

// isAfterCut says whether something began when the power was back.
func (r *run) isAfterCut(i interval) bool { return r.cut != nil && i.inv > r.cut.ret }

// unmountable demands that what the power cut has left can be mounted.
func (r *run) unmountable() *Result {
	if r.cut == nil || r.cut.errno == "" {
		return nil
	}
	return r.cut.on(Fail, RuleDurability, "what it left could not be mounted: %s", r.cut.errno)
}

// survivors are the changes as the power cut leaves them.
func (r *run) survivors(name string, extents []extent) []extent {
	promise := r.promise(name)
	out := slices.Clone(extents)
	for i := range out {
		e := &out[i]
		moves := e.op.Verb == prog.VFallocate && (e.op.Mode == prog.FallocCollapse || e.op.Mode == prog.FallocInsert)
		if e.inv > r.cut.ret || moves || promise.covers(*e) {
			continue
		}
		e.ok, e.done, e.ret = false, 0, min(e.ret, r.cut.ret)
	}
	return out
}

// promise says what of a file was made durable before the cut.
type promise struct {
	synced int // when the last fsync that succeeded began
	cut    int
}

func (r *run) promise(name string) promise {
	p := promise{synced: before, cut: r.cut.inv}
	for _, c := range r.calls {
		op := c.step.Op
		if (op.Verb == prog.VFsync || op.Verb == prog.VFdatasync) && op.File == name && c.succeeded() && c.ret < p.cut {
			p.synced = max(p.synced, c.inv)
		}
	}
	return p
}

func (p promise) covers(e extent) bool {
	if !e.ok || e.ret > p.cut {
		return false
	}
	return e.ret < p.synced || e.op.Flags&prog.DSync != 0
}

// at is the file as an operation or a path finds it: after the power cut that is what was left of it.
func (f *file) at(i interval) *file {
	if f != nil && f.after != nil && i.inv > f.revived {
		return f.after
	}
	return f
}

// lives are the file as it was before the power cut, and after.
func (f *file) lives() []*file {
	if f.after == nil {
		return []*file{f}
	}
	return []*file{f, f.after}
}

// blame is the rule that a wrong byte or size after a power cut breaks: durability, unless an operation since then has changed it.
func (r *run) blame(i interval, file string, s span, otherwise Rule) Rule {
	if !r.isAfterCut(i) {
		return otherwise
	}
	for _, c := range r.calls {
		if c.inv > r.cut.ret && c.inv < i.ret && changes(c.step.Op, file, s) {
			return otherwise
		}
	}
	return RuleDurability
}

// refusalRule is the rule that an operation breaks by failing where it had to succeed. After a power cut that is what was lost: the file
// itself, the blocks that name its blocks, or data whose checksum does not fit.
func (r *run) refusalRule(i interval) Rule {
	if r.isAfterCut(i) && !r.injectedAny() {
		return RuleDurability
	}
	return RuleErrno
}

// changes says whether an operation may change bytes of a range of a file, or its size.
func changes(op prog.Op, file string, s span) bool {
	switch {
	case op.Verb == prog.VClone:
		return op.To == file
	case op.Verb == prog.VCopyRange:
		return op.To == file && s.meets(span{op.ToOff, op.ToOff + op.Len})
	case op.Buffer.Kind == prog.Via && op.Verb.Reads() && op.Buffer.File == file:
		return true
	case op.File != file:
		return false
	case op.Verb == prog.VTruncate:
		return op.Len < s.end
	}
	return (op.Verb.Writes() || op.Verb == prog.VFallocate) && s.meets(span{op.Off, op.Off + op.Len})
}

// forgotten counts the writes that the disk had answered and that the cut took away.
func (r *run) forgotten() (n int64, told bool) {
	for _, e := range r.history.Of(history.Note) {
		if e.Name == history.PowerCut {
			n, told = n+e.N, true
		}
	}
	return n, told
}
