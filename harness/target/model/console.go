package model

import (
	"fmt"
	"strings"
	"time"

	"github.com/iomapcheck/iomapcheck/harness/history"
	"github.com/iomapcheck/iomapcheck/harness/oops"
	"github.com/iomapcheck/iomapcheck/refengine/sched"
	"github.com/iomapcheck/iomapcheck/refengine/trace"
)

// printk keeps a line of the engine's kernel log, with the number of the step as its time, in microseconds.
func (in *interpreter) printk(e trace.Event) {
	at := time.Duration(e.Step) * time.Microsecond
	fmt.Fprintf(&in.console, "[%12.6f] %s\n", at.Seconds(), e.Text)
}

// report reads the log as a kernel's is read.
func (in *interpreter) report() {
	for _, f := range oops.Parse(in.console.String()) {
		in.emit(history.Event{Kind: history.Console, Op: -1, Name: string(f.Kind), Text: f.Title, Where: f.Lines})
	}
}

// lockOrder reports the inversions of the lock order that this execution has added to those before: a kernel's lockdep would have
// stopped here. The other order may have been seen in an earlier execution, so that a replay of this one alone does not show it.
func (in *interpreter) lockOrder() {
	for _, i := range in.s.Inversions()[in.inversions:] {
		in.emit(history.Event{
			Kind: history.Console, Op: -1, Name: string(oops.Lockdep),
			Text: fmt.Sprintf("lock order: %s acquired while holding %s", i.Acquired, i.Held), Where: lines(i),
		})
	}
}

func lines(i sched.Inversion) []string { return strings.Split(strings.TrimSpace(i.String()), "\n") }
