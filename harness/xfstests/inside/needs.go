package inside

import (
	"slices"

	"github.com/iomapcheck/iomapcheck/harness/prog"
)

// Needs says where a case runs.
type Needs string

// What a case needs.
const (
	// NeedsDir: any folder of the file system will do.
	NeedsDir Needs = "dir"
	// NeedsDisk: every variant takes the programmable disk.
	NeedsDisk Needs = "disk"
	// NeedsSome: some variants take it, the others run in a folder where there is none.
	NeedsSome Needs = "some"
)

// NeedsOf is what the case needs.
func NeedsOf(c prog.Case) Needs {
	with := 0
	for _, v := range c.Variants {
		if takesDisk(v.Program) {
			with++
		}
	}
	switch with {
	case 0:
		return NeedsDir
	case len(c.Variants):
		return NeedsDisk
	}
	return NeedsSome
}

// takesDisk says whether a program holds or refuses requests, cuts the power, or fills the file system up.
func takesDisk(p prog.Program) bool {
	for _, s := range p.Steps() {
		switch s.Op.Verb {
		case prog.VHold, prog.VAwaitHeld, prog.VFail, prog.VCut:
			return true
		}
	}
	return p.FillsDisk()
}

// kills says whether a case has the kernel kill a task for want of memory, which it reports in a way that check takes for a bug.
func kills(c prog.Case) bool {
	return slices.ContainsFunc(c.Variants, func(v prog.Variant) bool { return slices.Contains(v.Program.Events(), "oom:mark_victim") })
}
