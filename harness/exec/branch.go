package exec

import (
	"context"
	"fmt"

	"github.com/iomapcheck/iomapcheck/harness/prog"
)

// Programs that begin alike can share their beginning where the machine can be copied in the middle of it: each copy goes on with the
// program that Env.Branch gives it there.
//
//	ops [0, BranchAt)   of the program that Run was given: its tasks may be asleep in the kernel now
//	Env.Branch          returns once in each copy
//	ops [BranchAt, …)   of the program that it returned, whose first BranchAt operations are the same

// concernsBranch says whether an operation is known to be part of what will be run.
func (c *conductor) concernsBranch(run course, s prog.Step) bool {
	return run.branched || c.env.BranchAt == 0 || s.N < c.env.BranchAt
}

// branchAt is where the process's task asks how to go on, 0 for nowhere.
func (c *conductor) branchAt(key string) int {
	if key != "main" {
		return 0
	}
	return c.env.BranchAt
}

// branch has the program that comes next, and makes its tasks ready.
func (c *conductor) branch(ctx context.Context) (string, error) {
	p, err := c.env.Branch(ctx)
	if err != nil {
		return "", err
	}
	if err := p.Check(); err != nil {
		return "", fmt.Errorf("go on with another program: %w", err)
	}
	c.mu.Lock()
	c.course = course{program: p, steps: p.Steps(), branched: true}
	c.mu.Unlock()
	return p.String(), c.startAll(ctx)
}

// step is the program's operation with that number.
func (c *conductor) step(n int) prog.Step { return c.present().steps[n] }

// goOn has main carry out the rest of the program that the conductor gives it.
func (t *task) goOn() error {
	o, err := t.order(askBranch)
	if err != nil {
		return err
	}
	p, err := prog.Parse(o.Program)
	if err != nil {
		return fmt.Errorf("read the program to go on with: %w", err)
	}
	t.p.setProgram(p)
	// From here on these are what a remount opens anew.
	t.ops, t.first = behind(p.Ops, t.p.spec.BranchAt), t.p.spec.BranchAt
	if err := t.files.openMore(t.ops); err != nil {
		return err
	}
	return t.all(t.ops, t.first, 0)
}

// branches says whether the task with that key asks how to go on.
func (p *process) branches(key string) bool { return key == "main" && p.spec.BranchAt > 0 }

func (p *process) theProgram() prog.Program {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.program
}

func (p *process) setProgram(to prog.Program) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.program = to
}

// ahead is what main runs before operation end: a branch stands outside of blocks.
func ahead(ops []prog.Op, end int) []prog.Op {
	n := 0
	for i, op := range ops {
		if n >= end {
			return ops[:i]
		}
		n += prog.Size([]prog.Op{op})
	}
	return ops
}
