package main

import (
	"strings"
	"testing"

	"github.com/iomapcheck/iomapcheck/harness/campaign"
	"github.com/iomapcheck/iomapcheck/harness/judge"
)

// twoByTwo is a matrix of two mutants and two units.
func twoByTwo(verdicts ...judge.Verdict) *matrix {
	m := &matrix{mutants: []string{"a", "b"}, units: make([]campaign.Unit, 2)}
	for i, v := range verdicts {
		name, _ := m.at(i)
		m.cells = append(m.cells, newDetection(name, campaign.Verdict{Verdict: v, Rule: judge.RuleCoherence, Executions: 3}))
	}
	return m
}

func TestOnlyARuleOfTheJudgeCatchesAMutant(t *testing.T) {
	m := twoByTwo(judge.Infra, judge.OK, judge.Unexercised, judge.Hang)
	if m.caught("a") || !m.caught("b") {
		t.Errorf("caught: a %t, b %t; want only b, by the hang", m.caught("a"), m.caught("b"))
	}
	a := &app{out: &strings.Builder{}}
	m.runner = &campaign.Runner{Runs: "runs"}
	if err := a.printMatrix(m, false); err != nil || a.code != exitBad {
		t.Errorf("exit code %d, error %v; want %d", a.code, err, exitBad)
	}
	for _, line := range []string{"not detected: infra", "not detected in 3 executions", "detected by rule coherence after 3 executions", "1 of 2 mutants"} {
		if got := a.out.(*strings.Builder).String(); !strings.Contains(got, line) {
			t.Errorf("no %q in\n%s", line, got)
		}
	}
}

func TestACaseThatFailsWithoutAMutantCatchesNone(t *testing.T) {
	m := twoByTwo(judge.Fail, judge.OK, judge.Fail, judge.Fail)
	m.takeBack(0, campaign.Verdict{Verdict: judge.OK})
	if !m.caught("a") || !m.caught("b") {
		t.Error("a clean case took detections back")
	}
	m.takeBack(0, campaign.Verdict{Verdict: judge.Fail, Text: "always"})
	if m.caught("a") || !m.caught("b") || !strings.Contains(m.cells[0].Text, "always") {
		t.Errorf("caught: a %t, b %t; want only b, by the second case; cell %+v", m.caught("a"), m.caught("b"), m.cells[0])
	}
}
