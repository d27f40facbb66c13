package vm

import (
	"context"

	"github.com/iomapcheck/iomapcheck/harness/oops"
)

// View is a look at a machine that a shell runs in, from outside. Its methods may be called by any goroutine, also once the machine has ended.
type View struct{ m *machine }

// Mark is a place in a machine's console.
type Mark struct{ text, findings int }

// Mark is the console's present end.
func (v View) Mark() Mark {
	text, findings := v.m.log.mark()
	return Mark{text, findings}
}

// Since is what the console said from a mark on, and what the kernel complained of in it. The first bytes of very much are dropped.
func (v View) Since(from Mark) (string, []oops.Finding) {
	return v.m.log.since(from.text, from.findings)
}

// Diagnose asks a machine that does not answer where it is; see qemu.VM.Diagnose. It is to be stopped afterwards.
func (v View) Diagnose(ctx context.Context) string { return v.m.target.annotate(v.m.vm.Diagnose(ctx)) }
