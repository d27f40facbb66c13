package model

import (
	"fmt"

	"github.com/iomapcheck/iomapcheck/harness/history"
	"github.com/iomapcheck/iomapcheck/harness/prog"
	"github.com/iomapcheck/iomapcheck/harness/target"
	"github.com/iomapcheck/iomapcheck/refengine/block"
	"github.com/iomapcheck/iomapcheck/refengine/errno"
)

// A program that cuts the power goes on with another interpreter, on another machine. The first machine's tasks go on too, on a disk that
// refuses everything, and what they do is no event: so a search for schedules sees which of their steps might have come before the cut.

// volatile prepares the machine of a program that cuts the power: the files are there for good, and what nobody has written shows.
func (in *interpreter) volatile(t *task) {
	if _, cuts := in.job.Program.Cut(); cuts {
		in.m.EnableCut(t.t)
	}
}

// notModelled says why the engine cannot tell what a power cut leaves of the job's file system, "" where it can.
func notModelled(job target.Job) string {
	_, cuts := job.Program.Cut()
	switch variant := job.FS.VariantName(); {
	case !cuts:
		return ""
	case job.FS.Name() == "zonefs":
		return "the engine's disk has no zones, whose write pointers would be the sizes of files after a power cut"
	case variant == "dax":
		return "the engine does not model when stores to persistent memory leave the processor's cache"
	case variant == "inline":
		return "the engine does not model by which transaction inline data move to a block"
	}
	return ""
}

// cut cuts the power and goes on, as main, on a machine that starts from what is left.
func (t *task) cut(op prog.Op) history.Event {
	in := t.in
	in.reportMemory()
	var choices []bool
	choose := survivors(op, func() bool { return t.t.Choose(2) == 1 })
	lost := in.m.Cut(t.t, func(n, of int) bool {
		choices = append(choices, choose(n, of))
		return choices[n]
	})
	in.emit(history.Event{Kind: history.Note, Op: -1, Name: history.PowerCut, N: int64(len(lost)), Text: lostText(lost, len(choices))})
	in.over = true
	in.s.Writes(in.order)
	next := in.successor()
	config := in.job.machine
	config.Trace = next.trace
	if next.m, next.failed = in.m.Restart(t.t, config); next.failed != nil {
		return failed(errno.EIO)
	}
	if next.job.retries {
		next.m.WatchLivelock()
	}
	next.m.Disk().Record(next.disk)
	next.tasks["main"] = t
	t.in = next
	t.renew()
	return t.compressed()
}

// compressed gives every file the attribute again that a variant stands for and that is no part of what the engine's log has.
func (t *task) compressed() history.Event {
	if everyFile(t.in.job.FS) != prog.AttrCompress {
		return history.Event{}
	}
	for _, name := range t.in.job.files {
		if f, e := t.in.m.Open(t.t, name); e == errno.OK {
			f.SetAttr(t.t, attr(prog.AttrCompress))
		}
	}
	return history.Event{}
}

// survivors chooses among the writes that a cut may take away.
func survivors(op prog.Op, toss func() bool) func(n, of int) bool {
	switch op.Keep {
	case prog.KeepOldest:
		return func(n, _ int) bool { return int64(n) < op.Count }
	case prog.KeepNewest:
		return func(n, of int) bool { return int64(of-n) <= op.Count }
	case prog.KeepSome:
		return func(int, int) bool { return toss() }
	}
	return func(int, int) bool { return false }
}

// lostText says what a cut took away.
func lostText(lost []block.Range, of int) string {
	text := fmt.Sprintf("%d of %d writes that were answered and not flushed are lost", len(lost), of)
	for i, r := range lost {
		if i == 4 {
			return text + " …"
		}
		text += fmt.Sprintf(" %v", r)
	}
	return text
}

// successor is the interpreter of the time after the cut, without a machine.
func (in *interpreter) successor() *interpreter {
	in.next = newInterpreter(in.s, in.job)
	in.next.events, in.next.now, in.next.record = in.events, in.now, in.record
	in.next.inversions = in.inversions
	in.next.console.WriteString(in.console.String())
	return in.next
}

// last is the interpreter that has the events of the whole execution.
func (in *interpreter) last() *interpreter {
	for in.next != nil {
		in = in.next
	}
	return in
}
