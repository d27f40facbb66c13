package prog

import "slices"

// Beginning is the number of the first operation of main that p has not in common with at least least of the others, p itself not counted where it
// is among them; 0 if it has none in common with so many. What comes before can be carried out once for all of them, and each go on in a
// copy of the machine (target.Job.Branch): so it has nothing in it that a copy would not share, and the programs are about the same
// files, no longer in one than in the other.
func (p Program) Beginning(others []Program, least int) int {
	others = slices.DeleteFunc(slices.Clone(others), func(o Program) bool { return !p.branchesWith(o) })
	n := 0
	for i, op := range p.Ops {
		line := op.String()
		others = slices.DeleteFunc(others, func(o Program) bool { return i >= len(o.Ops) || o.Ops[i].String() != line })
		if len(others) < least || !op.copies() || i == len(p.Ops)-1 {
			break
		}
		n += Size([]Op{op})
	}
	return n
}

// branchesWith says whether o could go on where p has begun, and is another program.
func (p Program) branchesWith(o Program) bool {
	files := p.Files()
	if p.limitsCopies() || o.limitsCopies() || !slices.Equal(files, o.Files()) || p.uring() != o.uring() || p.String() == o.String() {
		return false
	}
	return !slices.ContainsFunc(files, func(f string) bool { return p.Extent(f) != o.Extent(f) })
}

// limitsCopies says whether the program needs what belongs to one machine from its start: a memory cgroup that its tasks are born in, or a disk
// that remembers what it has promised.
func (p Program) limitsCopies() bool {
	_, cuts := p.Cut()
	return cuts || p.LimitsMemory()
}

// copies says whether a machine can be copied behind the operation, and on: a read that is held would fail in the copy.
func (op Op) copies() bool {
	can := true
	Program{Ops: []Op{op}}.Walk(func(s Step) {
		switch s.Op.Verb {
		case VHold:
			can = can && s.Op.Reqs&Reads == 0
		case VFail, VRemount, VAttr:
			can = false
		}
	})
	return can
}

func (p Program) uring() bool {
	return slices.ContainsFunc(p.Steps(), func(s Step) bool { return s.Op.Verb.Uring() })
}
