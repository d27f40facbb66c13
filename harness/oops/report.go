package oops

import (
	"regexp"
	"slices"
	"strings"
)

var (
	// reBelongs are the lines without indentation that may stand in or after a backtrace within one report.
	reBelongs = regexp.MustCompile(`^(\s|$|</?[A-Z#]|---\[|[?]|Call [Tt]race|RIP:|R[A-Z0-9]{1,2}:|FS:|CS:|CR\d|DR\d|PKRU:|Code:|EFLAGS:|ORIG_RAX|` +
		`Modules linked in|CPU:|Hardware name|Tainted|Workqueue:|irq event stamp|(hard|soft)irqs |Kernel Offset|pc :|lr :|sp :|x\d+ *:|` +
		`pstate:|Sending NMI|NMI backtrace|rcu:)`)
	reCutHere = regexp.MustCompile(`^-+\[ cut here \]-+`)
	// reHeld is a lock in lockdep's list of those that a task holds.
	reHeld = regexp.MustCompile(`^ #\d+: .* at: (?:\[<[0-9a-f]+>\] )?([A-Za-z_][\w.]*)\+0x`)
	// reAcquire is where lockdep saw the acquisition that closes the circle.
	reAcquire = regexp.MustCompile(`^\S.* at: ([A-Za-z_][\w.]*)\+0x`)
	reStale   = regexp.MustCompile(`^File: (.*) PID: (\d+) Comm: (.*)$`)
)

// joinable reports whether a line with the name of the fault can belong to the report: "Oops: 0002 [#1]" follows "BUG: unable to
// handle page fault", and "invalid opcode: 0000 [#1]" follows "kernel BUG at".
func (r *report) joinable() bool {
	return (r.Kind == Oops || r.Kind == Bug) && len(r.Frames) == 0 && r.function == ""
}

// endsBefore reports whether a line cannot belong to the report any more.
func (r *report) endsBefore(body string) bool {
	if reCutHere.MatchString(body) || r.rule.followed && frame(body) == "" && !reBelongs.MatchString(body) {
		return true
	}
	return r.inStack && r.isReady && r.rule.end != reRuler && frame(body) == "" && !reBelongs.MatchString(body)
}

// add appends a line and reports whether the report is complete with it.
func (r *report) add(body string) bool {
	r.Lines = append(r.Lines, body)
	r.setTask(body)
	r.setFunction(body)
	r.setFile(body)
	if r.rule.ready != nil && r.rule.ready.MatchString(body) {
		r.isReady, r.inStack = true, false
	}
	if reTrace.MatchString(body) {
		r.inStack = true
	}
	r.addFrame(body)
	ended := r.isReady && r.rule.end != nil && r.rule.end.MatchString(body)
	return ended || len(r.Lines) == maxLines
}

// setFunction takes the function of the faulting instruction, or of lockdep's last acquisition.
func (r *report) setFunction(body string) {
	if m := reRIP.FindStringSubmatch(body); m != nil && r.function == "" {
		r.function = function(m[1])
	}
	if m := reAcquire.FindStringSubmatch(body); m != nil && r.Kind == Lockdep && r.function == "" {
		r.function = function(m[1])
	}
	if m := reHeld.FindStringSubmatch(body); m != nil && r.rule.held && r.function == "" {
		r.function = function(m[1])
	}
}

// setFile takes the second line of a StalePageCache.
func (r *report) setFile(body string) {
	if m := reStale.FindStringSubmatch(body); m != nil && r.Kind == StalePageCache {
		r.File, r.PID, r.Comm = m[1], number(m[2]), m[3]
	}
}

// addFrame notes a function of the first backtrace. Lockdep prints the stacks of earlier acquisitions before its own; those do
// not count.
func (r *report) addFrame(body string) {
	const most = 32
	if f := frame(body); f != "" && r.isReady && len(r.Frames) < most && !strings.HasPrefix(body, "RIP:") {
		r.Frames = append(r.Frames, f)
	}
}

// title completes the rule's title. A function that the first line or the RIP names counts before the backtrace; if it is one
// of the runtime's, the backtrace below it tells who called it.
func (r *report) title() string {
	title := strings.ReplaceAll(r.rule.title, "$1", stable(r.detail))
	if r.rule.single || r.Kind == Panic || r.Kind == StalePageCache || r.Kind == KCSAN {
		return title
	}
	functions := slices.Clone(r.Frames)
	if r.function != "" {
		functions = slices.Insert(functions, 0, r.function)
	}
	if f := culprit(functions); f != "" {
		title += " in " + f
	}
	return title
}
