package main

import (
	"testing"

	"github.com/iomapcheck/iomapcheck/harness/judge"
)

func TestABisectionGoesByWhatShowsNotByWhatIsListed(t *testing.T) {
	for _, tt := range []struct {
		verdicts    []judge.Verdict
		code, fixed int
	}{
		{[]judge.Verdict{judge.OK, judge.OK}, 0, 1},
		{[]judge.Verdict{judge.OK, judge.Fail}, 1, 0},
		{[]judge.Verdict{judge.Known}, 1, 0},
		{[]judge.Verdict{judge.Drift, judge.OK}, 0, 1},
		{[]judge.Verdict{judge.Hang, judge.Infra}, 1, 0},
		{[]judge.Verdict{judge.OK, judge.Infra}, 125, 125},
		{[]judge.Verdict{judge.Unexercised}, 125, 125},
		{[]judge.Verdict{judge.OK, judge.Unsupported}, 125, 125},
		{nil, 125, 125},
	} {
		if got := (&bisectFlags{}).exitCode(tt.verdicts); got != tt.code {
			t.Errorf("%v: exit code %d, want %d", tt.verdicts, got, tt.code)
		}
		if got := (&bisectFlags{fixed: true}).exitCode(tt.verdicts); got != tt.fixed {
			t.Errorf("%v, looking for the fix: exit code %d, want %d", tt.verdicts, got, tt.fixed)
		}
	}
}
