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
	case c.errno == killed && r.wasKilled(c.step.Task):
		return c.on(Fail, RuleOOM, "the kernel killed its task for want of memory, want %s", strings.Join(append([]string{"success"}, e.Errnos...), " or "))
	case cannot(c):
		return c.on(Unsupported, RuleErrno, "refused with %s: this kernel or file system cannot do it", c.errno)
	case !v.IsData() && v != prog.VRemount:
		return c.on(Infra, RuleErrno, "the harness's own operation failed with %s", c.errno)
	case v == prog.VRemount && !e.MustFail && r.injectedBefore(c.ret):
		r.note("%s: failed with %s: the program makes the disk fail", c.step.Op.Line(c.step.N), c.errno)
		return nil
	case e.MustFail:
		return c.on(Fail, RuleErrno, "failed with %s, want %s", c.errno, strings.Join(e.Errnos, " or "))
	}
	return c.on(Fail, r.refusalRule(interval{c.inv, c.ret}), "failed with %s, want %s", c.errno, strings.Join(append([]string{"success"}, e.Errnos...), " or "))
}

// cannot says whether a call's errno means that the kernel or the file system has no such thing at all: what not every one
// offers, and says so.
func cannot(c *call) bool {
	switch v := c.step.Op.Verb; {
	case c.step.Op.Expect.MustFail:
		return false
	case v == prog.VAttr && c.errno == "EINVAL":
		return true
	case v == prog.VClone || v == prog.VAttr || v == prog.VFallocate || v == prog.VReclaim || v == prog.VPin:
		return slices.Contains([]string{"EOPNOTSUPP", "ENOTTY", "ENOSYS"}, c.errno)
	}
	return false
}

// orphaned says whether a call reaps a request whose submission failed: there is nothing to reap, whatever it returns.
func (r *run) orphaned(c *call) bool {
	s := r.submitted[c]
	return s != nil && s.errno != ""
}

// finalErrnos demands that every path can read every file after the run, and that the fsync works. The paths after the remount
// are coherence's (see remounted).
func (r *run) finalErrnos() *Result {
	for _, e := range r.finals {
		if e.Errno == "" || afterRemount(e) {
			continue
		}
		if why := r.excuseOf(e); why != "" {
			r.note("finally %s, %s: %s%s", e.File, e.Path, e.Errno, why)
			continue
		}
		return general(Fail, r.refusalRule(r.atEnd()), "finally %s, %s: failed with %s, want success", e.File, e.Path, e.Errno)
	}
	return nil
}

func afterRemount(e history.Event) bool {
	return e.Path == string(history.FinalRemountBuffered) || e.Path == string(history.FinalRemountDirect)
}

// excuseOf is why a path may fail after the run, "" where it must not. A file system without direct I/O says so with EINVAL or
// EOPNOTSUPP, but not after it has carried some out. An EIO of the fsync is the kernel's word that data or page cache were
// lost: it needs a cause, the stale page cache that the kernel warned of or errors that the program had the disk answer. Such
// errors, of whatever file, can keep a file system from being mounted.
func (r *run) excuseOf(e history.Event) string {
	path := history.FinalPath(e.Path)
	direct := path == history.FinalDirect || path == history.FinalRemountDirect
	switch {
	case direct && (e.Errno == "EINVAL" || e.Errno == "EOPNOTSUPP") && !r.didDirect(e.File):
		return ": the file system has no direct I/O here"
	case r.injected(e.File, prog.AllRequests), afterRemount(e) && r.injectedAny():
		return ": the program makes the disk fail"
	case r.failedRemount() != nil && !afterRemount(e):
		return ": nothing is mounted since the program's remount failed"
	case path == history.FinalSync && e.Errno == "EIO" && r.saidStale():
		return ", as it must be where a direct write left stale page cache"
	}
	return ""
}

// didDirect says whether a direct operation on the file worked while the program ran. Of an asynchronous one the reap tells.
func (r *run) didDirect(file string) bool {
	return slices.ContainsFunc(r.extents(), func(e extent) bool { return e.op.File == file && e.op.Direct() && e.ok })
}

// injectedAny says whether the program makes the disk fail requests of any kind, of whatever file.
func (r *run) injectedAny() bool { return r.injectedBefore(never) }

// injectedBefore says whether the program began to do so before a place in the order of events.
func (r *run) injectedBefore(rank int) bool {
	return slices.ContainsFunc(r.calls, func(c *call) bool { return c.step.Op.Verb == prog.VFail && c.inv < rank })
}

// failedRemount is the program's last remount if it failed: on a kernel nothing is mounted then, and its task ends.
func (r *run) failedRemount() *call {
	var last *call
	for _, c := range r.calls {
		if c.step.Op.Verb == prog.VRemount && c.returned() {
			last = c
		}
	}
	if last == nil || last.errno == "" {
		return nil
	}
	return last
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
