package model

import (
	"github.com/iomapcheck/iomapcheck/harness/history"
	"github.com/iomapcheck/iomapcheck/harness/prog"
	"github.com/iomapcheck/iomapcheck/refengine"
	"github.com/iomapcheck/iomapcheck/refengine/errno"
	"github.com/iomapcheck/iomapcheck/refengine/mm"
	"github.com/iomapcheck/iomapcheck/refengine/sched"
)

// uring submits a request to the task's io_uring. A vectored buffer is one piece to the engine, whose copies and pins go page by page
// anyhow.
func uring(st *sched.Task, f *refengine.File, op prog.Op, mem mm.Buffer) *refengine.AIO {
	if op.Verb == prog.VUringWrite {
		return f.UringWrite(st, mem, op.Off, flags(op), op.Direct())
	}
	return f.UringRead(st, mem, op.Off, flags(op), op.Direct())
}

// copyRange copies until all is copied or the file ends, as harness/exec does.
func (t *task) copyRange(f *refengine.File, op prog.Op) history.Event {
	to, e := t.file(op.To)
	if e != errno.OK {
		return failed(e)
	}
	done := int64(0)
	for done < op.Len {
		n, e := f.CopyRange(t.t, op.Off+done, to, op.ToOff+done, op.Len-done)
		if e != errno.OK && done == 0 {
			return failed(e)
		}
		if n == 0 || e != errno.OK {
			break
		}
		done += n
	}
	return history.Event{N: done}
}
