package fs

import (
	"github.com/iomapcheck/iomapcheck/refengine/errno"
	"github.com/iomapcheck/iomapcheck/refengine/iomap"
	"github.com/iomapcheck/iomapcheck/refengine/mm"
	"github.com/iomapcheck/iomapcheck/refengine/mutant"
	"github.com/iomapcheck/iomapcheck/refengine/sched"
	"github.com/iomapcheck/iomapcheck/refengine/trace"
)

// ext4's buffered side. It does not use iomap: each folio's blocks are mapped with the folio locked, so that a mapping cannot become
// stale. With Options.JournalData (data=journal) a handle is started before the folio is locked, the data joins its transaction before
// the folio is unlocked, and writeback commits the transaction before it writes in place.

// journalledKeepsDirty: "ext4: Keep pages with journalled data dirty", 6.4. Before, a folio in a
// transaction was clean, and only release_folio kept it in the cache.
const journalledKeepsDirty iomap.Version = 604

// ext4ZeroesEOF: "ext4: partial zero eof block on unaligned inode size extension", 6.13 and 6.12.y (6.12.5).
const ext4ZeroesEOF iomap.Version = 612

// inlineMax is how many bytes ext4's inline data has at most, in a 256-byte inode: i_block and what is left for an attribute.
const inlineMax = 160

// InitInode makes a new file inline, if files may be.
func (e *ext4) InitInode(ino *iomap.Inode) {
	ino.Journalled = e.options.JournalData
	if e.options.InlineData {
		ino.MakeInline(inlineMax)
	}
}

// MapsUnderFolio: ext4_block_write_begin.
func (e *ext4) MapsUnderFolio(ino *iomap.Inode) bool {
	return !ino.Sb.Mutants.Has(mutant.Ext4MapsBeforeLock)
}

// jbd2 returns the journal, made at its first use.
func (e *ext4) jbd2(ino *iomap.Inode) *journal {
	if e.journal == nil {
		e.journal = newJournal(ino.Sb, "jbd2_handle", trace.Jbd2StartCommit, false)
	}
	return e.journal
}

// GetFolio is ext4_write_begin and ext4_da_write_begin up to the locked folio: data that does not fit into the inode any more moves to a
// block first.
func (e *ext4) GetFolio(t *sched.Task, ino *iomap.Inode, pos, n int64) (*mm.Folio, errno.Errno) {
	if err := ino.UninlineFor(t, pos+n); err != errno.OK {
		return nil, err
	}
	if !ino.Journalled {
		return e.base.GetFolio(t, ino, pos, n)
	}
	j := e.jbd2(ino)
	j.begin(t)
	f, err := e.base.GetFolio(t, ino, pos, n)
	if err != errno.OK {
		j.end(t)
		return nil, err
	}
	ino.AttachBuffers(t, f)
	j.awaitLogged(t, f)
	return f, errno.OK
}

// PutFolio is the end of ext4_write_end and ext4_journalled_write_end.
func (e *ext4) PutFolio(t *sched.Task, ino *iomap.Inode, f *mm.Folio, pos, n int64) {
	if !ino.Journalled {
		ino.UnlockFolio(t, f)
		return
	}
	if n > 0 {
		e.joinTransaction(t, ino, f)
	}
	ino.UnlockFolio(t, f)
	e.journal.end(t)
}

func (e *ext4) joinTransaction(t *sched.Task, ino *iomap.Inode, f *mm.Folio) {
	e.journal.add(t, f)
	if ino.Sb.Release < journalledKeepsDirty || ino.Sb.Mutants.Has(mutant.Ext4ReleaseSkipsJournal) {
		f.ClearDirtyForIO(t)
	}
}

// ReleaseFolio is ext4_release_folio.
func (e *ext4) ReleaseFolio(t *sched.Task, ino *iomap.Inode, f *mm.Folio) bool {
	if !ino.Journalled || ino.Sb.Mutants.Has(mutant.Ext4ReleaseSkipsJournal) {
		return true
	}
	ino.Emit(t, trace.Event{Name: trace.Ext4ReleaseFolio, Pos: f.Pos(), End: f.End()})
	return e.jbd2(ino).mayRelease(t, f)
}

// Writepages is ext4_writepages: data that a transaction has goes to the journal before it is written in place.
func (e *ext4) Writepages(t *sched.Task, ino *iomap.Inode, pos, end int64) errno.Errno {
	if ino.Journalled && !ino.Sb.Mutants.Has(mutant.Ext4NoCommit) {
		if err := e.jbd2(ino).commit(t, ino); err != errno.OK {
			return err
		}
	}
	return ino.WriteRange(t, pos, end)
}

// PageMkwrite is ext4_page_mkwrite: inline data moves to a block, and with data=journal the folio joins a transaction.
func (e *ext4) PageMkwrite(t *sched.Task, ino *iomap.Inode, f *mm.Folio) errno.Errno {
	ino.Mapping.InvalidateLock.RLock(t)
	defer ino.Mapping.InvalidateLock.RUnlock(t)
	if err := ino.Uninline(t); err != errno.OK {
		return errno.EFAULT
	}
	if !ino.Journalled {
		return ino.IomapPageMkwrite(t, f)
	}
	j := e.jbd2(ino)
	j.begin(t)
	defer j.end(t)
	err := ino.IomapPageMkwrite(t, f)
	if err == errno.OK {
		ino.AttachBuffers(t, f)
		j.awaitLogged(t, f)
		j.add(t, f)
		f.MarkDirty(t)
	}
	return err
}

// ZeroRange is ext4_zero_partial_blocks: behind the end of the file, which is growing, only since it does so at all.
func (e *ext4) ZeroRange(t *sched.Task, ino *iomap.Inode, pos, end int64) errno.Errno {
	grows := pos >= ino.ReadISize(t)
	if grows && (ino.Sb.Release < ext4ZeroesEOF || ino.Sb.Mutants.Has(mutant.Ext4NoEOFZeroing)) {
		return errno.OK
	}
	if !grows {
		return ino.ZeroPartialBlocks(t, pos, end)
	}
	bs := ino.Sb.BlockSize
	return ino.ZeroPartialBlocks(t, pos, min(end, (pos+bs-1)/bs*bs))
}

// SetAttr takes DAX, and Journalled (chattr +j): data goes through the journal from then on.
func (e *ext4) SetAttr(t *sched.Task, ino *iomap.Inode, a Attr) errno.Errno {
	if a == DAX {
		return setDAX(ino)
	}
	return setJournalled(t, ino, a)
}

// setJournalled switches journalled data on for a file whose cache is clean and gone (ext4_change_inode_journal_flag,
// do_gfs2_set_flags).
func setJournalled(t *sched.Task, ino *iomap.Inode, a Attr) errno.Errno {
	if a&^Journalled != 0 {
		return errno.EOPNOTSUPP
	}
	ino.IRwsem.Lock(t)
	defer ino.IRwsem.Unlock(t)
	ino.Mapping.InvalidateLock.Lock(t)
	defer ino.Mapping.InvalidateLock.Unlock(t)
	ino.DioWait(t)
	if err := ino.Mapping.WriteAndWaitRange(t, 0, mm.EOF); err != errno.OK {
		return err
	}
	ino.Mapping.TruncateInodePagesRange(t, 0, mm.EOF)
	ino.Journalled = ino.Journalled || a&Journalled != 0
	return errno.OK
}
