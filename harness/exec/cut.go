package exec

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"github.com/iomapcheck/iomapcheck/harness/history"
	"github.com/iomapcheck/iomapcheck/harness/prog"
)

// A program that cuts the power runs twice: up to the cut on a machine that ends there, and, with Env.Resume, from the operation behind
// it on another machine, on what the first one's disk had promised.
//
//	first life    ops [0, cut]        files created and made durable, tasks of these operations; the cut never returns
//	second life   ops [Resume, …)     begins with the return of the cut; then the final reads

// concerns says whether an operation belongs to the life that this conductor runs.
func (c *conductor) concerns(run course, s prog.Step) bool {
	if c.env.Resume > 0 {
		return s.N >= c.env.Resume
	}
	if !c.concernsBranch(run, s) {
		return false
	}
	cut, cuts := run.program.Cut()
	return !cuts || s.N <= cut.N
}

// mayCut says why the program cannot be run here, if it cuts the power and nobody can.
func (c *conductor) mayCut() error {
	if _, cuts := c.present().program.Cut(); cuts && c.env.Cut == nil && c.env.Resume == 0 {
		return &UnsupportedError{Why: "the power of this machine cannot be cut"}
	}
	return nil
}

// revived reports that the power is back and the file system mounted: the return of the cut.
func (c *conductor) revived() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.env.Resume > 0 {
		c.env.Emit(history.Event{Kind: history.Return, Time: now(), Task: "main", Op: c.env.Resume - 1})
	}
}

// keepFiles makes the files' creation durable, so that a power cut leaves them there: what a program asks is about their contents.
func (c *conductor) keepFiles() error {
	if _, cuts := c.present().program.Cut(); !cuts {
		return nil
	}
	root, err := os.Open(c.env.Root)
	if err != nil {
		return err
	}
	defer root.Close()
	if err := unix.Syncfs(int(root.Fd())); err != nil {
		return fmt.Errorf("make the files durable: syncfs: %w", err)
	}
	return nil
}

// behind is what main runs from operation first on: a cut stands outside of blocks, so that the rest is a tail of its operations.
func behind(ops []prog.Op, first int) []prog.Op {
	n := 0
	for i, op := range ops {
		if n >= first {
			return ops[i:]
		}
		n += prog.Size([]prog.Op{op})
	}
	return nil
}
