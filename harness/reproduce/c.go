package reproduce

import (
	"embed"
	"fmt"
	"strconv"
	"strings"

	"github.com/iomapcheck/iomapcheck/harness/prog"
)

//go:embed runtime/*.c
var runtime embed.FS

// C writes the program as a C file that stands for itself: gcc -O2 -Wall -pthread compiles it. The error is a *RefusedError, or that of
// prog.Program.Check.
func C(p prog.Program, c Circumstances) (string, error) {
	if err := p.Check(); err != nil {
		return "", err
	}
	if err := refused(p, c); err != nil {
		return "", err
	}
	w := &cFile{program: p, c: c, tasks: tasksOf(p)}
	return w.write()
}

// cFile is a C file in the making.
type cFile struct {
	program prog.Program
	c       Circumstances
	tasks   []task
	out     strings.Builder
}

func (w *cFile) printf(format string, args ...any) { fmt.Fprintf(&w.out, format, args...) }

func (w *cFile) write() (string, error) {
	w.comment()
	w.sizes()
	parts := w.parts()
	for i, name := range parts {
		text, err := runtime.ReadFile("runtime/" + name + ".c")
		if err != nil {
			return "", fmt.Errorf("write a C file: %w", err)
		}
		w.printf("\n%s", text)
		if i == 0 {
			w.files()
			w.macros()
		}
	}
	w.operations()
	w.bodies()
	return w.out.String(), nil
}

// comment is what the file says of itself.
func (w *cFile) comment() {
	usage := "./repro DIR                 a directory in the file system that is to be tried"
	if needsDevice(w.program) {
		usage = `./repro --device /dev/X --mount DIR --mkfs "` + w.mkfs() + `"     as root; what is on the device is lost`
	}
	w.printf("/*\n * Written by iomapcheck.\n *\n *     gcc -O2 -Wall -pthread -o repro repro.c\n *     %s\n *\n", inComment(usage))
	w.printf(" * Each operation prints what it returned, and what was read as runs of fills. At the end it says \"BUG: ...\" and exits with 1 where an\n" +
		" * operation returned what it must not or the ways to read a file do not agree, \"good\" and 0, or with 2 that the situation could not be\n" +
		" * arranged, in which case nothing is shown.\n *\n")
	for _, line := range w.c.lines(w.program) {
		w.printf("%s\n", strings.TrimRight(" * "+inComment(line), " "))
	}
	w.printf(" */\n")
}

// mkfs is the command that makes the file system; a user's own choice where it is not known.
func (w *cFile) mkfs() string {
	if w.c.Mkfs == "" {
		return "mkfs.xfs -f"
	}
	return w.c.Mkfs
}

// inComment is a text that neither begins nor ends a comment of C.
func inComment(s string) string { return strings.NewReplacer("*/", "* /", "/*", "/ *").Replace(s) }

func (w *cFile) sizes() {
	w.printf("enum { NOPS = %d, NTASKS = %d, NFILES = %d, NEVENTS = %d };\n\n", prog.Size(w.program.Ops), len(w.tasks), len(w.program.Files()), len(events(w.program)))
	w.printf("/* The tasks; those that are called after an operation are it alone. */\nenum { %s };\n", strings.Join(w.enum(), ", "))
}

func (w *cFile) enum() []string {
	var names []string
	for _, t := range w.tasks {
		names = append(names, t.constant)
	}
	return names
}

func (w *cFile) files() {
	w.printf("\n/* The program's files, and how far it touches them. */\nstatic const struct { const char *name; long extent; } files[NFILES] = {\n")
	for _, f := range w.program.Files() {
		w.printf("\t{ %q, %d },\n", f, w.program.Extent(f))
	}
	w.printf("};\n")
	if len(events(w.program)) == 0 {
		return
	}
	w.printf("\n/* Kernel events: w for evidence of the situation, e for what has to happen so often, n for what must not. */\n")
	w.printf("static const struct { char rule; const char *name; long least; } events[NEVENTS] = {\n")
	for _, e := range events(w.program) {
		w.printf("\t{ '%c', %q, %d },\n", e.rule, e.name, e.least)
	}
	w.printf("};\n")
}

// event is a kernel event that is counted.
type event struct {
	rule  byte
	name  string
	least int64
}

func events(p prog.Program) []event {
	var out []event
	for _, w := range p.Witnesses {
		if w.Kind == prog.EventFired {
			out = append(out, event{'w', w.Event, max(w.N, 1)})
		}
	}
	for _, r := range p.Rules {
		switch r.Kind {
		case prog.Must:
			out = append(out, event{'e', r.Event, max(r.N, 1)})
		case prog.Never:
			out = append(out, event{'n', r.Event, 0})
		}
	}
	return out
}

// macros are what the parts take from the program.
func (w *cFile) macros() {
	disk, device := usesDisk(w.program), needsDevice(w.program)
	choose := func(name string, is bool, yes, no string) {
		if !is {
			yes = no
		}
		w.printf("%s\n", strings.TrimRight("#define "+name+" "+yes, " "))
	}
	w.printf("\n")
	choose("FAILS_REQUESTS", has(w.program, prog.VFail), "1", "0")
	choose("LATE", has(w.program, prog.VRemount) || has(w.program, prog.VAttr), "1", "0")
	choose("GIVE_ATTRIBUTE(fd)", w.c.Attr != "", "give_attribute(fd, "+attrFlag(w.c.Attr)+")", "")
	choose("HELD_NOW()", disk, "held_now()", "0")
	choose("HEAL()", disk, "heal()", "")
	choose("WATCH_EVENTS()", len(events(w.program)) > 0, "watch_events()", "")
	choose("COUNT_EVENTS()", len(events(w.program)) > 0, "count_events(), end_events()", "")
	w.printf("#define EVENT_OF(t, o) %s\n", w.eventOf())
	if disk {
		w.printf("\nstatic int held_now(void);\nstatic void dm_create(void);\nstatic void dm_remove(void);\n")
	}
	if !device {
		w.printf("#define FINAL_REMOUNT\n")
		return
	}
	choose("DM_SET_UP()", disk, "dm_create()", "")
	choose("DM_TEAR_DOWN()", disk, "dm_remove()", "")
	w.printf("#define TYPE %s\n#define OPTIONS %s\n", strconv.Quote(w.mountType()), strconv.Quote(w.c.MountOptions))
}

// eventOf is how a completion of a request is waited for: by what carries it out.
func (w *cFile) eventOf() string {
	aio, uring := has(w.program, prog.VAIORead) || has(w.program, prog.VAIOWrite), has(w.program, prog.VUringRead) || has(w.program, prog.VUringWrite)
	switch {
	case aio && uring:
		return "((o)->call == do_uring ? ring_event(t) : aio_event(t))"
	case uring:
		return "((void)(o), ring_event(t))"
	}
	return "((void)(o), aio_event(t))"
}

func (w *cFile) mountType() string {
	if w.c.Type == "" {
		return "xfs"
	}
	return w.c.Type
}
