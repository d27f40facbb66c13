package mm

import (
	"github.com/iomapcheck/iomapcheck/refengine/errno"
	"github.com/iomapcheck/iomapcheck/refengine/mutant"
	"github.com/iomapcheck/iomapcheck/refengine/sched"
	"github.com/iomapcheck/iomapcheck/refengine/trace"
)

// ErrSeq is an error that every open file reports once; analogous to errseq_t.
type ErrSeq struct {
	err  errno.Errno
	gen  int
	seen bool // somebody has sampled or reported it since it was set
}

// set records an error (errseq_set).
func (e *ErrSeq) set(err errno.Errno) {
	e.err, e.seen = err, false
	e.gen++
}

// sample returns the position from which an open file that begins now reports (errseq_sample): an error nobody has seen
// yet is reported to it as well.
func (e *ErrSeq) sample() int {
	if !e.seen {
		return 0
	}
	return e.gen
}

// check returns the error if it is newer than *since, and moves *since past it (errseq_check_and_advance).
func (e *ErrSeq) check(since *int) errno.Errno {
	if e.gen == *since {
		return errno.OK
	}
	*since, e.seen = e.gen, true
	return e.err
}

// SetWbErr records an error for the next fsync of every open file (filemap_set_wb_err).
func (m *Mapping) SetWbErr(t *sched.Task, err errno.Errno) {
	if m.Mutants.Has(mutant.WbErrLost) {
		return
	}
	t.Writes(m.errObj)
	m.wbErr.set(err)
	m.emit(t, trace.Event{Name: trace.FilemapSetWbErr, Errno: err})
}

// SetError records a writeback error: for fsync, and for the next filemap_check_errors (mapping_set_error).
func (m *Mapping) SetError(t *sched.Task, err errno.Errno) {
	if err == errno.OK {
		return
	}
	m.SetWbErr(t, err)
	t.Writes(m.errObj)
	m.asErr = err
}

// SampleWbErr returns what a file opened now has in f_wb_err.
func (m *Mapping) SampleWbErr(t *sched.Task) int {
	t.Reads(m.errObj)
	return m.wbErr.sample()
}

// CheckAndAdvanceWbErr returns the error an open file has not reported yet (file_check_and_advance_wb_err).
func (m *Mapping) CheckAndAdvanceWbErr(t *sched.Task, since *int) errno.Errno {
	t.Writes(m.errObj)
	before := *since
	err := m.wbErr.check(since)
	if err == errno.OK {
		return err
	}
	m.asErr = errno.OK
	m.emit(t, trace.Event{Name: trace.FileCheckAdvance, Errno: err})
	switch {
	case m.Mutants.Has(mutant.WbErrTwice):
		*since = before
	case m.Mutants.Has(mutant.WbErrOnceForAll):
		m.wbErr.err = errno.OK
	}
	return err
}

// checkErrors returns and forgets the last writeback error (filemap_check_errors).
func (m *Mapping) checkErrors(t *sched.Task) errno.Errno {
	t.Writes(m.errObj)
	err := m.asErr
	m.asErr = errno.OK
	return err
}

// FdatawriteRange starts to write out the dirty folios of [pos, end) (filemap_fdatawrite_range).
func (m *Mapping) FdatawriteRange(t *sched.Task, pos, end int64) errno.Errno {
	if m.NoneCached(t) {
		return errno.OK
	}
	return m.Host.Writepages(t, pos, end)
}

// FdatawaitRange waits for the writeback of the folios of [pos, end) (__filemap_fdatawait_range).
func (m *Mapping) FdatawaitRange(t *sched.Task, pos, end int64) {
	if end <= pos || m.Mutants.Has(mutant.FdatawaitSkipped) {
		return
	}
	last := IndexOf(end - 1)
	for f := m.FindFrom(t, IndexOf(pos), last); f != nil; f = m.FindFrom(t, f.Next(), last) {
		f.WaitWriteback(t)
	}
}

// WriteAndWaitRange writes out the dirty folios of [pos, end) and waits; it returns a writeback error not reported this
// way before (filemap_write_and_wait_range).
func (m *Mapping) WriteAndWaitRange(t *sched.Task, pos, end int64) errno.Errno {
	if end <= pos || m.NoneCached(t) {
		return m.checkErrors(t)
	}
	err := m.FdatawriteRange(t, pos, end)
	m.FdatawaitRange(t, pos, end)
	if err2 := m.checkErrors(t); err == errno.OK {
		err = err2
	}
	return err
}

// FileWriteAndWaitRange is what fsync does with the data: write, wait, report what this open file has not reported
// (file_write_and_wait_range).
func (m *Mapping) FileWriteAndWaitRange(t *sched.Task, pos, end int64, since *int) errno.Errno {
	err := errno.OK
	if !m.NoneCached(t) {
		err = m.FdatawriteRange(t, pos, end)
		m.FdatawaitRange(t, pos, end)
	}
	if err2 := m.CheckAndAdvanceWbErr(t, since); err == errno.OK {
		err = err2
	}
	return err
}
