package reproduce

import (
	"fmt"
	"slices"
	"strings"

	"github.com/iomapcheck/iomapcheck/harness/prog"
)

// operations writes the table of the operations.
func (w *cFile) operations() {
	requests := map[string]int{}
	w.printf("\n/* The program: every operation by its number, with what it may return. */\nstatic const struct op ops[NOPS] = {\n")
	for _, s := range w.program.Steps() {
		w.printf("\t[%d] = { %s },\n", s.N, strings.Join(w.fields(s, requests), ", "))
	}
	w.printf("};\n")
}

// fields are an operation's. requests numbers those that are submitted and reaped, by task and name.
func (w *cFile) fields(s prog.Step, requests map[string]int) []string {
	op := s.Op
	out := []string{fmt.Sprintf(".text = %q", op.String())}
	add := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }
	if op.Verb == prog.VRemount || op.Verb == prog.VHold || op.Verb == prog.VFail {
		if op.File != "" {
			add(".file = %q, .off = %d, .len = %d", op.File, op.Off, op.Len)
		}
		return append(out, w.errnos(op)...)
	}
	if !op.Verb.IsData() {
		return out
	}
	add(".task = %s, .owner = %s, .call = %s", w.taskOf(s), w.constant(s.Task), function(op.Verb))
	if op.File != "" {
		add(".file = %q, .off = %d", op.File, op.Off)
	}
	add(".len = %d", op.Len)
	if op.Verb.Writes() {
		add(".fill = '%c', .writes = 1", op.Fill)
	}
	if op.AIO != "" {
		key := s.Task + "/" + op.AIO
		if _, known := requests[key]; !known {
			requests[key] = len(requests)
		}
		add(".request = %d", requests[key])
	}
	out = append(out, how(op)...)
	out = append(out, w.expected(op)...)
	return append(out, w.evidence(op)...)
}

// taskOf is the C name of the task that carries the operation out.
func (w *cFile) taskOf(s prog.Step) string {
	for _, t := range w.tasks {
		if t.single == s.N {
			return t.constant
		}
	}
	return w.constant(s.Task)
}

// how is how an operation asks the kernel.
func how(op prog.Op) []string {
	var out []string
	add := func(is bool, format string, args ...any) {
		if is {
			out = append(out, fmt.Sprintf(format, args...))
		}
	}
	add(op.Verb.Reads() && op.Verb != prog.VReap, ".reads = 1")
	add(op.Verb.Submits(), ".submits = 1")
	add(op.Verb == prog.VReap, ".reaps = 1")
	var flags []string
	if op.Direct() {
		flags = append(flags, "O_DIRECT")
	}
	if op.Flags&prog.DSync != 0 {
		flags = append(flags, "O_DSYNC")
	}
	add(len(flags) > 0, ".flags = %s", strings.Join(flags, " | "))
	add(op.Flags&prog.NoWait != 0, ".nowait = 1")
	add(op.Flags&prog.Vectored != 0, ".vectored = 1")
	add(slices.Contains([]prog.Verb{prog.VStore, prog.VLoad, prog.VMlock, prog.VMunlock, prog.VPin, prog.VUnpin}, op.Verb), ".maps = 1")
	add(op.Buffer.Kind == prog.Via, ".via = %q, .via_off = %d", op.Buffer.File, op.Buffer.Off)
	add(op.Buffer.Kind == prog.Guarded, ".guarded = 1, .usable = %d", op.Buffer.Usable)
	add(op.To != "", ".to = %q, .to_off = %d", op.To, op.ToOff)
	add(op.Verb == prog.VFallocate, ".mode = %s", fallocFlags(op.Mode))
	add(op.Verb == prog.VEvict, ".mode = POSIX_FADV_DONTNEED")
	add(op.Verb == prog.VReadahead, ".mode = POSIX_FADV_WILLNEED")
	add(op.Verb == prog.VAttr, ".mode = %s, .optional = 2", attrFlag(op.Attr))
	add(op.Verb == prog.VClone || op.Verb == prog.VFallocate || op.Verb == prog.VPin, ".optional = 1")
	return out
}

// expected is what an operation may return.
func (w *cFile) expected(op prog.Op) []string {
	var out []string
	e := op.Expect
	counted := []prog.Verb{prog.VWrite, prog.VRead, prog.VDirectWrite, prog.VDirectRead, prog.VReap, prog.VLoad, prog.VSpliceWrite, prog.VSpliceRead, prog.VCopyRange}
	if slices.Contains(counted, op.Verb) {
		out = append(out, ".counted = 1")
	}
	if e.Exact != nil {
		out = append(out, fmt.Sprintf(".want = %q", runs(e.Exact)))
	}
	if e.OneOf != "" {
		out = append(out, fmt.Sprintf(".oneof = %q", e.OneOf))
	}
	if e.Counts != nil {
		out = append(out, fmt.Sprintf(".ncounts = %d, .counts = { %s }", len(e.Counts), strings.Trim(strings.Join(strings.Fields(fmt.Sprint(e.Counts)), ", "), "[]")))
	}
	return append(out, w.errnos(op)...)
}

func (w *cFile) errnos(op prog.Op) []string {
	var out []string
	if len(op.Expect.Errnos) > 0 {
		list := strings.NewReplacer("SIGBUS", "SIGBUS_ERRNO", "SIGSEGV", "SIGSEGV_ERRNO").Replace(strings.Join(op.Expect.Errnos, ", "))
		out = append(out, fmt.Sprintf(".errnos = { %s }", list))
	}
	if op.Expect.MustFail {
		out = append(out, ".must_fail = 1")
	}
	return out
}

// runs is a content as the C runtime takes it: one fill for everything, or fills with their lengths in bytes.
func runs(c prog.Content) string {
	if len(c) == 1 && c[0].Len == prog.WholeLen {
		return c[0].Fill
	}
	var parts []string
	for _, r := range c {
		parts = append(parts, fmt.Sprintf("%s:%d", r.Fill, r.Len))
	}
	return strings.Join(parts, ",")
}

// evidence is what an operation's place among the others must be, and what is to be seen of it.
func (w *cFile) evidence(op prog.Op) []string {
	var out []string
	if later, ok := w.program.Find(op.Expect.NotBefore); ok {
		out = append(out, fmt.Sprintf(".not_before = %d", later.N))
	}
	if b := op.Expect.Before; b != nil {
		out = append(out, fmt.Sprintf(".before = %d, .before_task = %s", b.N, w.constant(b.Task)))
	}
	for _, wit := range w.program.Witnesses {
		switch {
		case wit.Label == "" || wit.Label != op.Label:
		case wit.Kind == prog.HeldWhile:
			out = append(out, ".held_while = 1")
		case wit.Kind == prog.Blocked:
			out = append(out, ".asleep = 1, .in = "+functions(wit.In))
		}
	}
	return out
}

func fallocFlags(m prog.FallocMode) string {
	switch m {
	case prog.FallocKeep:
		return "FALLOC_FL_KEEP_SIZE"
	case prog.FallocPunch:
		return "FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE"
	case prog.FallocZero:
		return "FALLOC_FL_ZERO_RANGE"
	case prog.FallocCollapse:
		return "FALLOC_FL_COLLAPSE_RANGE"
	case prog.FallocInsert:
		return "FALLOC_FL_INSERT_RANGE"
	case prog.FallocUnshare:
		return "FALLOC_FL_UNSHARE_RANGE"
	}
	return "0"
}

func attrFlag(a prog.Attr) string {
	switch a {
	case prog.AttrJournal:
		return "FS_JOURNAL_DATA_FL"
	case prog.AttrNoDatasum:
		return "FS_NOCOW_FL"
	case prog.AttrCompress:
		return "FS_COMPR_FL"
	}
	return "REALTIME"
}
