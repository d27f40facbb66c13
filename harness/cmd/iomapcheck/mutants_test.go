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
	if err := a.printMatrix(m, asText, false); err != nil || a.code != exitBad {
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

func TestTheMedianCountsWhatWasNotFoundAsMoreThanAnything(t *testing.T) {
	for want, found := range map[int][]int{9: {9, 1, 3}, 7: {1, 7, 2, 9, 8}, 0: {1, 2}} {
		if got := median(found, 5); got != want {
			t.Errorf("of %v: %d, want %d", found, got, want)
		}
	}
	if got := (trial{Found: 2, Seeds: 5}).cell(200); got != "> 200 (2/5)" {
		t.Errorf("not found by most: %q", got)
	}
}

func TestAMarkdownTableHasAHeadAndEscapesBars(t *testing.T) {
	out := &strings.Builder{}
	if err := (&app{out: out}).printRows([][]string{{"a", "b"}, {"1|2", "3"}}, asMarkdown, "sum"); err != nil {
		t.Fatal(err)
	}
	if want := "| a | b |\n|---|---|\n| 1\\|2 | 3 |\n\nsum\n"; out.String() != want {
		t.Errorf("got %q, want %q", out, want)
	}
}

func TestTheSummaryHasTheSoonestCaseOfEachMutant(t *testing.T) {
	m := twoByTwo(judge.Fail, judge.Fail, judge.OK, judge.OK)
	m.cells[0].Case, m.cells[0].Executions = "late", 9
	m.cells[1].Case, m.cells[1].FS = "soon", "xfs"
	rows := m.summary()
	if got := strings.Join(rows[1], " "); got != "a 2 of 2 soon xfs detected by rule coherence after 3 executions" {
		t.Errorf("a mutant that is caught: %q", got)
	}
	if rows[2][1] != "none" || len(rows) != 3 {
		t.Errorf("rows %q", rows)
	}
}
