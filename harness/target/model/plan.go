package model

import (
	"slices"

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
	// retries says that direct I/O may be tried again without an end, and so is to be watched for that.
	retries bool
	// data tells the data of a part of a file, by the part.
	data map[part]func([]byte) bool
}

// part is a range of a file that a hold or a fault names.
type part struct{ off, end int64 }

func planFor(job target.Job, machine refengine.Config) *plan {
	p := &plan{
		Job: job, machine: machine, steps: job.Program.Steps(), files: job.Program.Files(), spokenOf: job.Program.Events(),
		limited: job.Program.LimitsMemory(), retries: mayRetry(job.Program), data: map[part]func([]byte) bool{},
	}
	p.machine.Memory.Cgroup = p.limited
	p.machine.CountSpace = job.Program.FillsDisk()
	return p
}

// mayRetry says whether direct I/O has a mapping for its buffer: file systems that pin what is present and fault the rest in may do so again
// and again. To watch for that costs a hash of the machine's state a step, and a program with a loop of its own would be taken for one.
func mayRetry(p prog.Program) bool {
	loops := func(s prog.Step) bool { return s.Op.Verb == prog.VUntil || s.Op.Verb == prog.VRepeat }
	mapped := func(s prog.Step) bool { return s.Op.Direct() && s.Op.Buffer.Kind == prog.Via }
	return slices.ContainsFunc(p.Steps(), mapped) && !slices.ContainsFunc(p.Steps(), loops)
}

// dataOf says which data are of a part of a file, whatever the fill.
func (p *plan) dataOf(off, end int64) func([]byte) bool {
	k := part{off, end}
	if p.data[k] == nil {
		p.data[k] = target.DataOf(p.Program, off, end)
	}
	return p.data[k]
}
