package reproduce

import (
	"fmt"
	"slices"

	"github.com/iomapcheck/iomapcheck/harness/prog"
)

// RefusedError says which operation of a program cannot be said in the form asked for, and why.
type RefusedError struct {
	// As is the form: C or xfs_io.
	As string
	// What is the operation or line of the program, "" for the program as a whole.
	What string
	// Why is the reason, the same for all programs that are refused for it.
	Why string
}

func (e *RefusedError) Error() string {
	if e.What == "" {
		return fmt.Sprintf("cannot be written as %s: %s", e.As, e.Why)
	}
	return fmt.Sprintf("cannot be written as %s: %s: %s", e.As, e.What, e.Why)
}

// The reasons for which C refuses.
const (
	noCut      = "the power of a stock machine cannot be cut, nor its disk made to forget what it has not promised"
	noChoice   = "dm-delay lets go everything it delays, or nothing"
	noSecond   = "requests may be held already, and a change of the device-mapper table would let them go"
	noTimes    = "device-mapper fails all requests of a range, not so many of them"
	noErrno    = "device-mapper fails requests with EIO alone"
	noFlush    = "device-mapper's error target takes no flushes that it could fail"
	noCgroup   = "it takes a memory cgroup that has only the program's tasks in it"
	noQuota    = "it takes a file system with quotas of a user's own"
	noOrder    = "the rule is about the order of kernel events inside of an operation, which takes iomapcheck's trace"
	noNowait   = "dm-delay takes no requests with RWF_NOWAIT, which a plain disk does"
	noFiles    = "the file system's files are its zones: they cannot be made or emptied"
	noSecondFS = "it is mounted with a second device, which a reproducer of this form is not given"
	noName     = "the errno has no name in C"
)

// step is an operation as the refusals look at it.
type step struct {
	prog.Step
	// disk says that the program uses the disk's controls; mounts that it is given a device and mounts it.
	disk, mounts bool
	c            Circumstances
}

// refused says why the program cannot be written in C, nil if it can.
func refused(p prog.Program, c Circumstances) error {
	if c.Fixed {
		return &RefusedError{As: "C", Why: noFiles}
	}
	disk, mounts := usesDisk(p), needsDevice(p)
	if mounts && c.Beside != "" {
		return &RefusedError{As: "C", What: c.FS, Why: noSecondFS + " (" + c.Beside + ")"}
	}
	for _, s := range p.Steps() {
		if why := refusedOp(step{s, disk, mounts, c}); why != "" {
			return &RefusedError{As: "C", What: s.Op.Line(s.N), Why: why}
		}
	}
	for _, r := range p.Rules {
		if r.Kind == prog.OrderOf {
			return &RefusedError{As: "C", What: r.String(), Why: noOrder}
		}
	}
	for _, w := range p.Witnesses {
		switch w.Kind {
		case prog.Lost:
			return &RefusedError{As: "C", What: w.String(), Why: noCut}
		case prog.Pressed:
			return &RefusedError{As: "C", What: w.String(), Why: noCgroup}
		}
	}
	return refusedHolds(p)
}

// refusedOp is why an operation cannot be written, wherever it stands, "" if it can.
func refusedOp(s step) string {
	op := s.Op
	for _, name := range op.Expect.Errnos {
		if !slices.Contains(errnos(), name) && name != "SIGBUS" && name != "SIGSEGV" && name != "SIGKILL" {
			return noName
		}
	}
	switch {
	case op.Verb == prog.VCut:
		return noCut
	case op.Verb == prog.VRelease && op.Which != prog.All:
		return noChoice
	case op.Verb == prog.VFail:
		return refusedFail(op)
	case op.Verb == prog.VMemoryHigh, op.Verb == prog.VMemoryMax, op.Verb == prog.VReclaim, op.Verb == prog.VHog, slices.Contains(op.Expect.Errnos, "SIGKILL"):
		return noCgroup
	case op.Verb == prog.VFillQuota:
		return noQuota
	case op.Verb == prog.VAttr && op.Attr == prog.AttrRealtime && s.mounts:
		return noSecondFS
	case s.disk && op.Direct() && op.Flags&prog.NoWait != 0:
		return noNowait
	}
	return ""
}

func refusedFail(op prog.Op) string {
	switch {
	case op.Count > 0:
		return noTimes
	case op.Errno != "EIO":
		return noErrno
	case op.Reqs&prog.Flushes != 0:
		return noFlush
	}
	return ""
}

// refusedHolds finds a change of the disk's rules while requests may be held. Loops are gone through twice.
func refusedHolds(p prog.Program) error {
	h := &holds{}
	h.walk(p.Ops, 0)
	if h.err == nil {
		return nil
	}
	return h.err
}

// holds goes through a program in the order of its text.
type holds struct {
	// held says that a hold is in force, began that something has been asked of the kernel since, and failing that a fail is.
	held, began, failing bool
	err                  *RefusedError
}

func (h *holds) walk(ops []prog.Op, n int) {
	for _, op := range ops {
		h.one(op, n)
		h.walk(op.Body, n+1)
		if op.Verb == prog.VRepeat || op.Verb == prog.VUntil {
			h.walk(op.Body, n+1)
		}
		n += prog.Size([]prog.Op{op})
	}
}

func (h *holds) one(op prog.Op, n int) {
	switch {
	case op.Verb == prog.VRelease:
		h.held, h.began = false, false
	case (op.Verb == prog.VHold && (h.held && h.began || h.failing) || op.Verb == prog.VFail && h.held) && h.err == nil:
		h.err = &RefusedError{As: "C", What: op.Line(n), Why: noSecond}
	case op.Verb == prog.VHold:
		h.held = true
	case op.Verb == prog.VFail:
		h.failing = true
	case op.Verb.IsData(), op.Verb == prog.VGo:
		h.began = h.held
	}
}

// usesDisk says whether the program uses the disk's controls.
func usesDisk(p prog.Program) bool {
	return has(p, prog.VHold) || has(p, prog.VFail) || has(p, prog.VAwaitHeld) || has(p, prog.VRelease)
}

// needsDevice says whether a reproducer has to be given the device: to control it, or to mount it anew.
func needsDevice(p prog.Program) bool { return usesDisk(p) || has(p, prog.VRemount) }

func has(p prog.Program, v prog.Verb) bool {
	return slices.ContainsFunc(p.Steps(), func(s prog.Step) bool { return s.Op.Verb == v })
}
