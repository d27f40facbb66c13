package model

import (
	"github.com/iomapcheck/iomapcheck/harness/prog"
	"github.com/iomapcheck/iomapcheck/harness/target"
	"github.com/iomapcheck/iomapcheck/refengine"
)

// plan is a job as every execution of it needs it, worked out once. It belongs to one goroutine.
type plan struct {
	target.Job
	machine refengine.Config
	steps   []prog.Step
	files   []string
	// spokenOf are the events of the kernel that the program speaks of.
	spokenOf []string
	// limited says that the tasks have a memory cgroup.
	limited bool
	// data tells the data of a part of a file, by the part.
	data map[part]func([]byte) bool
}

// part is a range of a file that a hold or a fault names.
type part struct{ off, end int64 }

func planFor(job target.Job, machine refengine.Config) *plan {
	p := &plan{
		Job: job, machine: machine, steps: job.Program.Steps(), files: job.Program.Files(), spokenOf: job.Program.Events(),
		limited: job.Program.LimitsMemory(), data: map[part]func([]byte) bool{},
	}
	p.machine.Memory.Cgroup = p.limited
	return p
}

// dataOf says which data are of a part of a file, whatever the fill.
func (p *plan) dataOf(off, end int64) func([]byte) bool {
	k := part{off, end}
	if p.data[k] == nil {
		p.data[k] = target.DataOf(p.Program, off, end)
	}
	return p.data[k]
}
