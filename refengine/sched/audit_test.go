package sched

import (
	"fmt"
	"strings"
	"testing"
)

func TestAuditIsSilentOnProgramsThatDeclareEverything(t *testing.T) {
	t.Parallel()
	swaps := 0
	for seed := range uint64(150) {
		p := newRandomProgram(seed)
		a := Audit(t.Context(), Options{Budget: 300, MaxSteps: 10000}, p.setup, p.digest)
		if len(a.Findings) > 0 {
			t.Fatalf("program %d %v: %s", seed, p.scripts, strings.Join(a.Findings, "\n"))
		}
		swaps += a.Swaps
	}
	if swaps < 1000 {
		t.Errorf("%d swaps", swaps)
	}
}

func TestAuditFindsUndeclaredState(t *testing.T) {
	for _, declared := range []bool{true, false} {
		value := 0
		a := Audit(t.Context(), Options{Budget: 100}, func(s *Sched) {
			value = 0
			obj := s.NewObj(Label{Class: "i_size", Of: "f"})
			other := s.NewObj(Label{Class: "folio"})
			s.Go("reader", func(t *Task) {
				t.Step("copy", other)
				if declared {
					t.Reads(obj)
				}
				value *= 3
			})
			s.Go("writer", func(t *Task) {
				t.Step("i_size_write", obj)
				value++
			})
		}, func(*Result) string { return fmt.Sprint(value) })
		if declared != (len(a.Findings) == 0) {
			t.Errorf("declared %v: %q", declared, a.Findings)
		}
		if !declared && !strings.Contains(a.Findings[0]+a.Findings[1], "i_size_write of writer (writes i_size of f)") {
			t.Errorf("findings do not name the step: %q", a.Findings)
		}
	}
}
