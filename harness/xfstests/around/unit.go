package around

import (
	"fmt"
)

// Unit is one thing to be judged: a test in a column.
type Unit struct {
	Test   Test
	Column Column
	// Expunged is why the test is not to be run, "" where it is.
	Expunged string
}

// Name is the test with its column, as in generic/091@xfs.
func (u Unit) Name() string { return u.Test.Name + "@" + u.Column.Name }

// Plan picks the units: for each column the tests that are selected for its file system. Units of a column stand together, so that a machine can run one
// after the other.
func Plan(tests []Test, s Selection, columns []Column, expunged []Expunged) ([]Unit, error) {
	var units []Unit
	for _, c := range columns {
		chosen, err := s.Select(tests, c.FSType)
		if err != nil {
			return nil, err
		}
		for _, t := range chosen {
			u := Unit{Test: t, Column: c}
			u.Expunged, _ = Why(expunged, t.Name)
			units = append(units, u)
		}
	}
	if len(units) == 0 {
		return nil, fmt.Errorf("select tests: none of those is for the file systems given")
	}
	return units, nil
}
