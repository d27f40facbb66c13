package judge

import "testing"

func TestMergedResultIsTheFirstBadOneOrCountsTheWitnessed(t *testing.T) {
	ok, blind := Result{Verdict: OK, Op: -1}, Result{Verdict: Unexercised, Rule: RuleWitness, Op: -1, Text: "not seen"}
	fail, hang := Result{Verdict: Fail, Rule: RuleCoherence, Op: -1, Text: "x"}, Result{Verdict: Hang, Rule: RuleHang, Op: -1, Text: "y"}
	infra := Result{Verdict: Infra, Rule: RuleAssumption, Op: -1, Text: "z"}
	no := Result{Verdict: Unsupported, Rule: RuleWitness, Op: -1, Text: "no event"}
	for _, c := range []struct {
		results []Result
		want    string
	}{
		{nil, "infra assumption: there was no execution to judge"},
		{[]Result{ok}, "ok"},
		{[]Result{blind, ok, blind, ok}, "ok: witnessed in 2 of 4 executions"},
		{[]Result{blind, blind}, "unexercised witness: not witnessed in any of 2 executions: not seen"},
		{[]Result{ok, infra, hang, fail}, "hang hang: y"},
		{[]Result{ok, fail, hang}, "fail coherence: x"},
		{[]Result{ok, blind, infra}, "infra assumption: z"},
		{[]Result{ok, {Verdict: Known, Op: -1}}, "known"},
		{[]Result{no, no}, "unsupported witness: no event"},
		{[]Result{no, ok}, "ok: witnessed in 1 of 2 executions"},
		{[]Result{no, infra}, "infra assumption: z"},
		{[]Result{no, blind}, "unexercised witness: not witnessed in any of 2 executions: not seen"},
	} {
		if got := Merge(c.results).Summary(); got != c.want {
			t.Errorf("%v: got %s, want %s", c.results, got, c.want)
		}
	}
	if notes := Merge([]Result{ok, fail}).Notes; len(notes) != 1 || notes[0] != "this is execution 2 of 2; 1 were ok" {
		t.Errorf("notes %q", notes)
	}
}

func TestExitCodeNeverCallsWhatShowedNothingGood(t *testing.T) {
	for _, c := range []struct {
		verdicts []Verdict
		want     int
	}{
		{nil, 125},
		{[]Verdict{OK}, 0},
		{[]Verdict{OK, Known, Unsupported}, 0},
		{[]Verdict{Unsupported}, 125},
		{[]Verdict{OK, Unexercised}, 125},
		{[]Verdict{OK, Infra}, 125},
		{[]Verdict{Infra, Unexercised, Fail}, 1},
		{[]Verdict{Hang}, 1},
		{[]Verdict{Crash}, 1},
		{[]Verdict{OK, Drift}, 1},
		{[]Verdict{OK, "nonsense"}, 125},
	} {
		if got := ExitCode(c.verdicts...); got != c.want {
			t.Errorf("%v: got %d, want %d", c.verdicts, got, c.want)
		}
	}
}
