package model

import (
	"github.com/iomapcheck/iomapcheck/harness/history"
	"github.com/iomapcheck/iomapcheck/harness/prog"
	"github.com/iomapcheck/iomapcheck/refengine"
	"github.com/iomapcheck/iomapcheck/refengine/errno"
)

// finally reads every file in every way, as harness/exec does on a kernel.
func (t *task) finally() {
	files := t.in.job.files
	for _, name := range files {
		t.read(name, history.FinalMapped, prog.VLoad)
		t.read(name, history.FinalBuffered, prog.VRead)
		t.read(name, history.FinalDirect, prog.VDirectRead)
		t.sync(name)
	}
	t.in.m.DropCaches(t.t)
	for _, name := range files {
		t.read(name, history.FinalDropped, prog.VRead)
	}
	remounted := t.in.m.Remount(t.t)
	for _, name := range files {
		if remounted != errno.OK {
			t.final(name, history.FinalRemountBuffered, failed(remounted))
			continue
		}
		t.read(name, history.FinalRemountBuffered, prog.VRead)
		t.read(name, history.FinalRemountDirect, prog.VDirectRead)
	}
}

func (t *task) final(name string, path history.FinalPath, e history.Event) {
	e.Kind, e.Op, e.Task, e.File, e.Path = history.Final, -1, "finally", name, string(path)
	t.in.emit(e)
}

// read reads the whole file one way.
func (t *task) read(name string, path history.FinalPath, how prog.Verb) {
	f, e := t.in.m.Open(t.t, name)
	if e != errno.OK {
		t.final(name, path, failed(e))
		return
	}
	size := f.Size()
	op := prog.Op{Verb: how, File: name, Len: size}
	if how == prog.VDirectRead {
		op.Len = (size + 4095) / 4096 * 4096
	}
	out := history.Event{}
	if size > 0 {
		out = t.whole(f, op)
	}
	out.N = size
	t.final(name, path, out)
	f.Unmap(t.t)
}

func (t *task) whole(f *refengine.File, op prog.Op) history.Event {
	mem, _ := t.buffer(op) // memory of its own: there is nothing to open
	n, e := transfer(t.t, f, op, mem)
	out := t.result(op, mem, n, e)
	arenaOf(t.in.s).giveBack(mem.Bytes())
	return out
}

// sync is the fsync whose errno tells of failed writeback, and of page cache that the kernel knows to be stale.
func (t *task) sync(name string) {
	f, e := t.in.m.Open(t.t, name)
	if e == errno.OK {
		e = f.Fsync(t.t)
	}
	t.final(name, history.FinalSync, failed(e))
}
