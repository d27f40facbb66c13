package judge

// Verdict is the outcome of a case on a target.
type Verdict string

// The verdicts. Judge gives OK, Fail, Hang, Crash, Unexercised, Infra, and Unsupported where the kernel lacks a witness; whoever
// knows the list of known divergences turns these into Known and Drift.
const (
	// OK: every rule holds and the situation was witnessed.
	OK Verdict = "ok"
	// Fail: a rule does not hold; Result says which, for which operation and which bytes.
	Fail Verdict = "fail"
	// Hang: an operation never returned.
	Hang Verdict = "hang"
	// Crash: the kernel's log shows an oops, BUG, WARN, KASAN, lockdep report, panic or the like.
	Crash Verdict = "crash"
	// Unexercised: nothing is wrong, but the situation did not come about, so nothing was shown. Never a pass.
	Unexercised Verdict = "unexercised"
	// Unsupported: the situation cannot be brought about there; probed, with the reason.
	Unsupported Verdict = "unsupported"
	// Known: a listed divergence of that kernel and file system.
	Known Verdict = "known"
	// Drift: a listed divergence that no longer shows, or shows elsewhere. Always a failure.
	Drift Verdict = "drift"
	// Infra: our own fault. Never a skip, never a kernel's failure.
	Infra Verdict = "infra"
)

// Bad says whether the verdict is a failure of what was tested.
func (v Verdict) Bad() bool { return v == Fail || v == Hang || v == Crash || v == Drift }

// The exit codes that git bisect run understands.
const (
	exitGood = 0
	exitBad  = 1
	exitSkip = 125
)

// ExitCode is the exit code for many verdicts, for git bisect run: 1 where any is bad; otherwise 125, which tells bisect to skip the
// commit, where any is infra or unexercised, since neither says anything about the kernel; otherwise 0. Verdicts of which
// none is ok or known (none at all, or only unsupported) showed nothing either: 125.
func ExitCode(verdicts ...Verdict) int {
	shown, blind := false, false
	for _, v := range verdicts {
		switch {
		case v.Bad():
			return exitBad
		case v == OK || v == Known:
			shown = true
		case v != Unsupported:
			blind = true
		}
	}
	if blind || !shown {
		return exitSkip
	}
	return exitGood
}

// Verdicts lists the verdicts in the order in which reports count them.
func Verdicts() []Verdict {
	return []Verdict{OK, Known, Unsupported, Unexercised, Infra, Drift, Fail, Hang, Crash}
}
