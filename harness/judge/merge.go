package judge

import (
	"fmt"
	"slices"
)

// Merge is the result of many executions of one case: the first that is bad; otherwise the first that is infra, since a run that we
// broke is never skipped; otherwise known if there is such, ok if any execution was witnessed in full, and unexercised if none was;
// unsupported only if all are. No execution at all is infra. A note says how many executions there were of each verdict.
func Merge(results []Result) Result {
	if len(results) == 0 {
		return *general(Infra, RuleAssumption, "there was no execution to judge")
	}
	i := decisive(results)
	out := results[i]
	out.Notes = slices.Clone(out.Notes)
	if len(results) == 1 {
		return out
	}
	witnessed := count(results, OK)
	switch {
	case out.Verdict == OK:
		out.Text = fmt.Sprintf("witnessed in %d of %d executions", witnessed, len(results))
	case out.Verdict == Unexercised:
		out.Text = fmt.Sprintf("not witnessed in any of %d executions: %s", len(results), out.Text)
	default:
		out.Notes = append(out.Notes, fmt.Sprintf("this is execution %d of %d; %d were ok", i+1, len(results), witnessed))
	}
	return out
}

// decisive is the index of the result that stands for all.
func decisive(results []Result) int {
	if i := slices.IndexFunc(results, func(r Result) bool { return r.Verdict.Bad() }); i >= 0 {
		return i
	}
	for _, v := range []Verdict{Infra, Known, OK, Unexercised, Unsupported} {
		if i := slices.IndexFunc(results, func(r Result) bool { return r.Verdict == v }); i >= 0 {
			return i
		}
	}
	return 0
}

func count(results []Result, v Verdict) int {
	n := 0
	for _, r := range results {
		if r.Verdict == v {
			n++
		}
	}
	return n
}
