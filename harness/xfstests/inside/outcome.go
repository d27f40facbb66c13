package inside

import (
	"fmt"
	"slices"

	"github.com/iomapcheck/iomapcheck/harness/campaign"
	"github.com/iomapcheck/iomapcheck/harness/judge"
)

// Outcome is what check knows of a test.
type Outcome string

// The outcomes, the worst last.
const (
	NotRun  Outcome = "notrun"
	Pass    Outcome = "pass"
	Failure Outcome = "fail"
)

// of is what a verdict is to check.
func (e Environment) of(v judge.Verdict) Outcome {
	switch v {
	case judge.OK, judge.Known:
		return Pass
	case judge.Unsupported:
		return NotRun
	case judge.Unexercised:
		return e.Unexercised
	}
	return Failure
}

// sum is the outcome of all verdicts of a case: a failure if one is, and not run only if none was.
func (e Environment) sum(verdicts []campaign.Verdict) Outcome {
	worst := NotRun
	order := []Outcome{NotRun, Pass, Failure}
	for _, v := range verdicts {
		if o := e.of(v.Verdict); slices.Index(order, o) > slices.Index(order, worst) {
			worst = o
		}
	}
	return worst
}

// reason is why nothing was run: the first variant's.
func reason(verdicts []campaign.Verdict) string {
	if len(verdicts) == 0 {
		return "the case has no variant to run"
	}
	v := verdicts[0]
	text := fmt.Sprintf("iomapcheck: %s: %s", v.Name(), v.Text)
	if v.Verdict == judge.Unexercised {
		text = fmt.Sprintf("iomapcheck: %s: the situation did not come about: %s", v.Name(), v.Text)
	}
	return text
}

// complaint is a bad verdict as it stands in a test's output.
func complaint(v campaign.Verdict, rule, again string) string {
	what := string(v.Verdict)
	switch v.Verdict {
	case judge.Infra:
		what = "infra (iomapcheck's own fault, not the kernel's)"
	case judge.Unexercised:
		what = "unexercised (nothing was wrong, but the situation did not come about, so nothing was shown)"
	}
	return fmt.Sprintf("%s on %s: %s\n  seen       %s\n  must hold  %s\n  again      %s\n", v.Name(), v.FSName(), what, v.Text, rule, again)
}
