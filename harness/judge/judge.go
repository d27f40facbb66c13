package judge

import (
	"github.com/iomapcheck/iomapcheck/harness/history"
	"github.com/iomapcheck/iomapcheck/harness/prog"
)

// Judge gives the verdict on one execution of p. It has no side effects and keeps neither argument; a history that is not one of p
// gives Infra, never a panic.
func Judge(p prog.Program, h *history.History) Result {
	r, bad := open(p, h)
	if bad != nil {
		return *bad
	}
	res := r.verdict()
	res.Witness = r.witnesses()
	res.Notes = r.notes
	return res
}

// verdict applies the rules in order and stops at the first that decides.
func (r *run) verdict() Result {
	for _, rule := range []func() *Result{
		r.splats, r.unmountable, r.hangs,
		r.errnoLeaks, r.errnos, r.kills,
		r.carried,
		r.expectations, r.eventRules,
		r.coherence,
		r.deaths, r.unmet, r.complete,
		r.witnessed, r.unshown,
	} {
		if res := rule(); res != nil {
			return *res
		}
	}
	return Result{Verdict: OK, Op: -1}
}
