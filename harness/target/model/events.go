package model

import (
	"fmt"
	"slices"
	"strings"

	"github.com/iomapcheck/iomapcheck/harness/history"
	"github.com/iomapcheck/iomapcheck/harness/ktrace"
	"github.com/iomapcheck/iomapcheck/refengine/trace"
)

// trace takes the engine's events under the names that the kernel's have in a history: those of every direct write, calls of functions,
// and whatever the program speaks of.
func (in *interpreter) trace(e trace.Event) {
	if e.Name == trace.Printk {
		in.printk(e)
		return
	}
	name, probe := strings.CutPrefix(e.Name, "probe:")
	if probe {
		name = ktrace.ProbeGroup + ":" + name
	}
	if !probe && !strings.HasPrefix(name, "iomap:iomap_dio_") && !slices.Contains(in.job.spokenOf, name) {
		return
	}
	out := history.Event{Kind: history.Trace, Op: -1, Task: in.taskName(e.Task), Name: name, Text: e.File}
	if e.End > e.Pos {
		out.Text = fmt.Sprintf("%s [%#x, %#x)", e.File, e.Pos, e.End)
	}
	if probe && e.End > e.Pos {
		out.Folio = folioName(e.File, e.Pos)
	}
	in.emit(out)
}

// folioSize is the size of the engine's folios, in bytes, as far as programs can have them.
const folioSize = 4096

// folioName tells the folio at a position of a file from others.
func folioName(file string, pos int64) string { return fmt.Sprintf("%s/%d", file, pos/folioSize) }

// taskName is the program's task behind a task of the engine; an operation that may block is its parent's.
func (in *interpreter) taskName(role string) string {
	if t := in.tasks[role]; t != nil {
		return t.name
	}
	return role
}
