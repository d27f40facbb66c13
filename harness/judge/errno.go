package judge

import (
	"slices"
	"strconv"
	"strings"

	"github.com/iomapcheck/iomapcheck/harness/history"
	"github.com/iomapcheck/iomapcheck/harness/prog"
)

// internalErrnos are the names of errnos that mean something between parts of the kernel only (include/linux/errno.h, 512 to
// 531), and two of the ordinary range that its direct I/O uses for itself: ENOTBLK (the page cache could not be
// invalidated: the caller falls back to buffered I/O) and EREMCHG (its predecessor, before 5.9).
func internalErrnos() []string {
	return []string{"ENOTBLK", "EREMCHG",
		"ERESTARTSYS", "ERESTARTNOINTR", "ERESTARTNOHAND", "ENOIOCTLCMD", "ERESTART_RESTARTBLOCK", "EPROBE_DEFER", "EOPENSTALE", "ENOPARAM",
		"EBADHANDLE", "ENOTSYNC", "EBADCOOKIE", "ENOTSUPP", "ETOOSMALL", "ESERVERFAULT", "EBADTYPE", "EJUKEBOX",
		"EIOCBQUEUED", "ERECALLCONFLICT", "ENOGRACE"}
}

// leaks says whether an errno must never leave the kernel. Errnos without a name in user space may be spelled by number, as in E529 or
// "errno 529".
func leaks(errno string) bool {
	if slices.Contains(internalErrnos(), errno) {
		return true
	}
	digits := strings.TrimLeft(strings.TrimPrefix(strings.TrimPrefix(errno, "errno"), "E"), " -")
	n, err := strconv.Atoi(digits)
	return err == nil && n >= 512 && n <= 531
}

// errnoLeaks is the first half of rule 3; no expectation can allow such an errno.
func (r *run) errnoLeaks() *Result {
	for _, c := range r.byReturn() {
		if leaks(c.errno) {
			return c.on(Fail, RuleErrnoLeak, "returned %s, which must not leave the kernel", c.errno)
		}
	}
	for _, e := range r.finals {
		if leaks(e.Errno) {
			return general(Fail, RuleErrnoLeak, "finally %s, %s: returned %s, which must not leave the kernel", e.File, e.Path, e.Errno)
		}
	}
	return nil
}

// errnos is the second half of rule 3: an operation succeeds unless the program says otherwise.
func (r *run) errnos() *Result {
	for _, c := range r.byReturn() {
		if res := r.errnoOf(c); res != nil {
			return res
		}
	}
	return r.finalErrnos()
}

func (r *run) errnoOf(c *call) *Result {
	e, v := c.step.Op.Expect, c.step.Op.Verb
	switch {
	case r.orphaned(c) || isAwait(v) || c.errno == "" && !e.MustFail:
		return nil
	case c.errno == "":
		return c.on(Fail, RuleErrno, "succeeded, want %s", strings.Join(e.Errnos, " or "))
	case slices.Contains(e.Errnos, c.errno):
		return nil
	case !v.IsData() && v != prog.VRemount:
		return c.on(Infra, RuleErrno, "the harness's own operation failed with %s", c.errno)
	case e.MustFail:
		return c.on(Fail, RuleErrno, "failed with %s, want %s", c.errno, strings.Join(e.Errnos, " or "))
	}
	return c.on(Fail, RuleErrno, "failed with %s, want %s", c.errno, strings.Join(append([]string{"success"}, e.Errnos...), " or "))
}

// orphaned says whether a call reaps a request whose submission failed: there is nothing to reap, whatever it returns.
func (r *run) orphaned(c *call) bool {
	s := r.submitted[c]
	return s != nil && s.errno != ""
}

// finalErrnos demands that every path can read every file after the run, and that the fsync works. A file system without
// direct I/O says so with EINVAL or EOPNOTSUPP. An EIO of the fsync is the kernel's word that data or page cache were lost: it
// needs a cause, the stale page cache that the kernel warned of or errors that the program had the disk answer.
func (r *run) finalErrnos() *Result {
	for _, e := range r.finals {
		path := history.FinalPath(e.Path)
		direct := path == history.FinalDirect || path == history.FinalRemountDirect
		switch {
		case e.Errno == "":
		case direct && (e.Errno == "EINVAL" || e.Errno == "EOPNOTSUPP") && !r.didDirect(e.File):
			r.note("finally %s, %s: %s: the file system has no direct I/O here", e.File, e.Path, e.Errno)
		case r.injected(e.File, prog.AllRequests):
			r.note("finally %s, %s: %s: the program makes the disk fail", e.File, e.Path, e.Errno)
		case path == history.FinalSync && e.Errno == "EIO" && r.saidStale():
			r.note("finally %s, fsync: EIO, as it must be where a direct write left stale page cache", e.File)
		default:
			return general(Fail, RuleErrno, "finally %s, %s: failed with %s, want success", e.File, e.Path, e.Errno)
		}
	}
	return nil
}

// didDirect says whether a direct operation on the file worked while the program ran.
func (r *run) didDirect(file string) bool {
	return slices.ContainsFunc(r.calls, func(c *call) bool {
		return c.step.Op.File == file && c.step.Op.Verb.Direct() && c.succeeded()
	})
}

// injectedAny says whether the program makes the disk fail requests of any kind, of whatever file.
func (r *run) injectedAny() bool {
	return slices.ContainsFunc(r.calls, func(c *call) bool { return c.step.Op.Verb == prog.VFail })
}

// injected says whether the program makes the disk fail requests of these kinds for the file.
func (r *run) injected(file string, kinds prog.Requests) bool {
	for _, c := range r.calls {
		op := c.step.Op
		if op.Verb == prog.VFail && op.Reqs&kinds != 0 && (op.File == "" || op.File == file) {
			return true
		}
	}
	return false
}
