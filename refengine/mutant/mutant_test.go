package mutant

import (
	"strings"
	"testing"
)

func TestEveryMutantIsListedOnceAndParsesBack(t *testing.T) {
	list := List()
	if len(list) != int(count) {
		t.Fatalf("%d listed, %d there are", len(list), count)
	}
	for i, m := range list {
		if m.ID != ID(i) || m.Name == "" || m.Change == "" || m.Stands == "" {
			t.Errorf("%d: %+v", i, m)
		}
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
