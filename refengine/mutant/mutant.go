// Package mutant lists the historic bugs that the engine can be given, each a named switch.
//
// A mutant is one changed behaviour: a call left out, a result ignored, a wait skipped. The catalogue of cases must catch
// every one of them through its rules, and must be silent without them. A side (see Side) is switched on the same way and is no bug.
package mutant

import (
	"fmt"
	"slices"
	"strings"
)

// ID names a mutant inside the engine.
type ID uint8

// Mutant describes one switch.
type Mutant struct {
	ID     ID
	Name   string // what Config.Mutants and the command line use
	Change string // what the engine does differently, and the kernel function it is in
	Stands string // the fix or the thread it stands for
}

// Set is a set of mutants. The zero value is the unmutated engine. It is a value: copying it copies the set.
type Set struct{ bits [4]uint64 }

// List returns every mutant there is, by package.
func List() []Mutant {
	return slices.Concat(direct(), buffered(), memory(), personal(), durability(), space(), paths())
}

// Of returns the set that holds the given mutants.
func Of(ids ...ID) Set {
	var s Set
	for _, id := range ids {
		s.bits[id/64] |= 1 << (id % 64)
	}
	return s
}

// Parse returns the set of the named mutants and sides. An unknown name is an error that lists the known ones.
func Parse(names ...string) (Set, error) {
	var ids []ID
	for _, name := range names {
		id, ok := find(name)
		if !ok {
			return Set{}, fmt.Errorf("find mutant %q: not one of %s", name, strings.Join(append(Names(), sideNames()...), ", "))
		}
		ids = append(ids, id)
	}
	return Of(ids...), nil
}

// Names returns the name of every mutant, in List's order.
func Names() []string {
	var names []string
	for _, m := range List() {
		names = append(names, m.Name)
	}
	return names
}

// Has says whether the mutant is switched on.
func (s Set) Has(id ID) bool { return s.bits[id/64]&(1<<(id%64)) != 0 }

// String lists the names in the set, separated by commas.
func (s Set) String() string {
	var names []string
	for _, m := range switches() {
		if s.Has(m.ID) {
			names = append(names, m.Name)
		}
	}
	return strings.Join(names, ",")
}

func find(name string) (ID, bool) {
	for _, m := range switches() {
		if m.Name == name {
			return m.ID, true
		}
	}
	return 0, false
}

// switches are the mutants and the sides.
func switches() []Mutant {
	all := List()
	for _, s := range Sides() {
		all = append(all, s.Mutant)
	}
	return all
}

func sideNames() []string {
	var names []string
	for _, s := range Sides() {
		names = append(names, s.Name)
	}
	return names
}
