package mutant

import (
	"strings"
	"testing"
)

func TestEveryMutantIsListedOnceAndParsesBack(t *testing.T) {
	seen := map[ID]string{}
	for i, m := range switches() {
		if m.Name == "" || m.Change == "" || m.Stands == "" {
			t.Errorf("%d: %+v", i, m)
		}
		if other := seen[m.ID]; other != "" {
			t.Errorf("%s and %s have the same ID", m.Name, other)
		}
		seen[m.ID] = m.Name
		s, err := Parse(m.Name)
		if err != nil || s != Of(m.ID) || !s.Has(m.ID) || s.String() != m.Name {
			t.Errorf("%s: %v %v", m.Name, s, err)
		}
	}
}

func TestUnknownMutantErrorListsTheKnownOnes(t *testing.T) {
	_, err := Parse("no-such")
	if err == nil || !strings.Contains(err.Error(), "no-such") || !strings.Contains(err.Error(), Names()[0]) {
		t.Error(err)
	}
}

func TestZeroSetHasNoMutant(t *testing.T) {
	for _, m := range List() {
		if (Set{}).Has(m.ID) {
			t.Error(m.Name)
		}
	}
}
