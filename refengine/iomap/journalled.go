package iomap

import (
	"github.com/iomapcheck/iomapcheck/refengine/mm"
	"github.com/iomapcheck/iomapcheck/refengine/sched"
	"github.com/iomapcheck/iomapcheck/refengine/trace"
)

// JournalState is where the journalled data of a folio is; analogous to the state of its buffers' journal heads (jbd2) or buffer data
// (gfs2).
type JournalState uint8

// The states.
const (
	NotJournalled JournalState = iota
	Checked                    // PG_checked: dirty by a store through a mapping, to be added to a transaction by writeback
	InTransaction              // part of the running transaction: pinned in memory, not to be written in place
	Committing                 // part of the transaction that is being written to the journal; pinned likewise
	Logged                     // in the journal on the disk, to be written in place
)

// JournalStateOf returns the state of a folio's journalled data. The folio is locked.
func JournalStateOf(t *sched.Task, f *mm.Folio) JournalState {
	t.Reads(f.Obj())
	if st := stateOf(f); st != nil {
		return st.journal
	}
	return NotJournalled
}

// SetJournalState changes it, and says whether it could: a folio without buffers has none. The folio is locked, or its
// transaction is being committed.
func SetJournalState(t *sched.Task, f *mm.Folio, s JournalState) bool {
	st := stateOf(f)
	if st != nil {
		t.Writes(f.Obj())
		st.journal = s
	}
	return st != nil
}

// pinned says that a folio's data must not be written in place: the journal has not got it yet.
func pinned(t *sched.Task, f *mm.Folio) bool {
	s := JournalStateOf(t, f)
	return s == InTransaction || s == Committing
}

// MarkChecked says that a store through a mapping has made the folio dirty, unless a transaction has it already. The folio is locked.
func MarkChecked(t *sched.Task, f *mm.Folio) {
	if s := JournalStateOf(t, f); s == NotJournalled || s == Logged {
		SetJournalState(t, f, Checked)
	}
}

// EachDirty calls do with each dirty folio that overlaps [pos, end), locked.
func (ino *Inode) EachDirty(t *sched.Task, pos, end int64, do func(f *mm.Folio)) {
	if end <= pos {
		return
	}
	last := mm.IndexOf(end - 1)
	for f := ino.Mapping.FindFrom(t, mm.IndexOf(pos), last); f != nil; f = ino.Mapping.FindFrom(t, f.Next(), last) {
		if !f.Dirty(t) {
			continue
		}
		f.Lock(t)
		if f.Mapping() == ino.Mapping && f.Dirty(t) {
			do(f)
		}
		f.Unlock(t)
	}
}

// EmitCommit tells of a commit of the journal, by the file that asked for it.
func (ino *Inode) EmitCommit(t *sched.Task, event string) { ino.Emit(t, trace.Event{Name: event}) }

// Oops is what a kernel bug does to the task that runs into it: lines in the log, and a task that never goes on, with every lock
// it holds.
func (ino *Inode) Oops(t *sched.Task, text string) {
	ino.Emit(t, trace.Event{Name: trace.Printk, Text: text})
	never := sched.Gate(1)
	t.Point(sched.Op{Kind: sched.OpWait, Name: "killed by an oops"}, &never)
}

// AttachBuffers gives a locked folio the state that its journalled data is tracked in (create_empty_buffers).
func (ino *Inode) AttachBuffers(t *sched.Task, f *mm.Folio) { ino.attachState(t, f) }
