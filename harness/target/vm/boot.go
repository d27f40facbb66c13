package vm

import (
	"github.com/iomapcheck/iomapcheck/harness/history"
	"github.com/iomapcheck/iomapcheck/harness/oops"
	"github.com/iomapcheck/iomapcheck/harness/target"
	"github.com/iomapcheck/iomapcheck/vmimage/qemu"
)

// bootFailure is the history of a kernel that did not come up: what its console reports, or that it fell silent.
func (t *Target) bootFailure(job target.Job, dead *qemu.BootError) *target.Execution {
	h := &history.History{Header: history.Header{Target: "vm", Kernel: t.kernel.Release, FS: job.FS.Name(), Variant: job.FS.VariantName()}}
	for _, f := range oops.Parse(dead.Console) {
		h.Events = append(h.Events, consoleEvent(f, 0, t.symbols))
	}
	h.Events = append(h.Events, history.Event{Kind: history.Hang, Task: "guest", Op: -1, Text: dead.Error()})
	return &target.Execution{History: h, Console: dead.Console}
}
