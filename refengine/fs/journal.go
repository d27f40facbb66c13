package fs

import (
	"slices"

	"github.com/iomapcheck/iomapcheck/refengine/block"
	"github.com/iomapcheck/iomapcheck/refengine/errno"
	"github.com/iomapcheck/iomapcheck/refengine/iomap"
	"github.com/iomapcheck/iomapcheck/refengine/mm"
	"github.com/iomapcheck/iomapcheck/refengine/sched"
)

// journal is a filesystem's journal as far as it carries file data: gfs2's log, ext4's jbd2. Data of the running transaction is pinned
// in the cache; a commit writes it to the journal, and then it may be written in place. The lock is held shared by whoever has a
// transaction open, and nests outside folio locks.
type journal struct {
	sb    *iomap.Super
	event string // the tracepoint of a commit
	// holds says that no transaction can be open while a commit writes (gfs2's sd_log_flush_lock). jbd2's commits let new handles join
	// the next transaction.
	holds bool

	lock    sched.RWSem
	running []*mm.Folio     // with data in the running transaction; protected by lock, and by being added to between two points
	logged  sched.WaitQueue // woken when a commit has written what it had
	at      int64           // byte position in the journal where the next commit is written
}

// journalSize is the space at the start of the disk that commits are written to in turn, in bytes.
const journalSize = 1 << 19

func newJournal(sb *iomap.Super, class, event string, holds bool) *journal {
	j := &journal{sb: sb, event: event, holds: holds}
	j.lock.Init(sb.Sched, sched.Label{Class: class})
	j.logged.Init(sb.Sched, sched.Label{Class: class + " commit"})
	return j
}

// begin opens a transaction (gfs2_trans_begin, ext4_journal_start); end closes it.
func (j *journal) begin(t *sched.Task) { j.lock.RLock(t) }

func (j *journal) end(t *sched.Task) { j.lock.RUnlock(t) }

// add makes the folio's data part of the running transaction. The caller has one open. false says that the folio has no buffers
// to add.
func (j *journal) add(t *sched.Task, f *mm.Folio) bool {
	if !iomap.SetJournalState(t, f, iomap.InTransaction) {
		return false
	}
	t.Writes(j.logged.Obj())
	if !slices.Contains(j.running, f) {
		j.running = append(j.running, f)
	}
	return true
}

// awaitLogged waits until the folio is not part of a commit that is being written (do_get_write_access). The folio is locked.
func (j *journal) awaitLogged(t *sched.Task, f *mm.Folio) {
	if iomap.JournalStateOf(t, f) == iomap.Committing {
		j.logged.Wait(t, "do_get_write_access", func() bool { return iomap.JournalStateOf(t, f) != iomap.Committing })
	}
}

// mayRelease says whether a folio's buffers are part of no transaction (gfs2_release_folio, jbd2_journal_try_to_free_buffers).
func (j *journal) mayRelease(t *sched.Task, f *mm.Folio) bool {
	s := iomap.JournalStateOf(t, f)
	return s != iomap.InTransaction && s != iomap.Committing
}

// commit writes the running transaction to the journal (gfs2_log_flush, jbd2_journal_commit_transaction). What it had is dirty
// afterwards, to be written in place.
func (j *journal) commit(t *sched.Task, ino *iomap.Inode) errno.Errno {
	j.lock.Lock(t)
	folios := j.take(t)
	if !j.holds {
		j.lock.Unlock(t)
	} else {
		defer j.lock.Unlock(t)
	}
	if len(folios) == 0 {
		return errno.OK
	}
	ino.EmitCommit(t, j.event)
	err := j.write(t, folios)
	t.Step("unpin", j.logged.Obj())
	for _, f := range folios {
		t.Reads(f.Obj())
		if f.Mapping() != nil && iomap.JournalStateOf(t, f) == iomap.Committing {
			iomap.SetJournalState(t, f, iomap.Logged)
			f.MarkPartlyDirty(t)
		}
	}
	j.logged.Wake()
	return err
}

// take closes the running transaction and returns what is still cached of it; truncation has revoked the rest.
func (j *journal) take(t *sched.Task) []*mm.Folio {
	var folios []*mm.Folio
	for _, f := range j.running {
		t.Reads(f.Obj())
		if f.Mapping() != nil && iomap.JournalStateOf(t, f) == iomap.InTransaction {
			iomap.SetJournalState(t, f, iomap.Committing)
			folios = append(folios, f)
		}
	}
	t.Writes(j.logged.Obj())
	j.running = j.running[:0]
	return folios
}

// write writes the folios' data to the journal, and makes it durable.
func (j *journal) write(t *sched.Task, folios []*mm.Folio) errno.Errno {
	var data []byte
	for _, f := range folios {
		t.Reads(f.Obj())
		data = append(data, f.Data...)
	}
	if j.at+int64(len(data)) > journalSize {
		j.at = 0
	}
	pos := j.at
	j.at += int64(len(data))
	err := j.sb.Disk.SubmitWait(t, &block.Request{Op: block.OpWrite, Range: block.Range{Off: pos, End: j.at}, Data: data})
	if err != errno.OK {
		return err
	}
	return j.sb.Disk.SubmitWait(t, &block.Request{Op: block.OpFlush})
}
