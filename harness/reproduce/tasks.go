package reproduce

import (
	"fmt"
	"strings"

	"github.com/iomapcheck/iomapcheck/harness/prog"
)

// task is what is carried out by a process or thread of its own: a task of the program, or one operation that may block.
type task struct {
	// name is what is printed; constant and body are C's.
	name, constant, body string
	// ops are what it does, of which the first has number first.
	ops   []prog.Op
	first int
	// parent is the task in whose address space it is, "" for one of its own.
	parent string
	// single is the number of the only operation, -1 for a whole task; owner the task whose operation that is.
	single int
	owner  string
}

// tasksOf lists main, the tasks that are started, and the operations that may block.
func tasksOf(p prog.Program) []task {
	out := []task{named("main", task{ops: p.Ops, single: -1})}
	for _, s := range p.Steps() {
		if s.Op.Verb != prog.VGo {
			continue
		}
		t := task{ops: s.Op.Body, first: s.N + 1, single: -1}
		if s.Op.Thread {
			t.parent = s.Task
		}
		out = append(out, named(s.Op.Task, t))
	}
	for _, s := range p.Steps() {
		if s.Op.Expect.MayBlock {
			out = append(out, task{name: fmt.Sprintf("op %d", s.N), constant: fmt.Sprintf("OP_%d", s.N), body: fmt.Sprintf("only_%d", s.N), single: s.N, owner: s.Task})
		}
	}
	return out
}

// named gives the task its names. Those of C have an underscore for what it does not allow; two tasks that differ in nothing else are told
// apart by the operation that starts them.
func named(name string, t task) task {
	id := strings.Map(func(r rune) rune {
		if r == '-' || r == '.' {
			return '_'
		}
		return r
	}, name)
	if id != name {
		id = fmt.Sprintf("%s_%d", id, t.first)
	}
	t.name, t.constant, t.body = name, "T_"+id, "task_"+id
	return t
}

// constant is the C name of a program's task.
func (w *cFile) constant(name string) string {
	for _, t := range w.tasks {
		if t.name == name {
			return t.constant
		}
	}
	return "T_main" // every task that a program names is there: it has been checked
}

// bodies writes the functions of the tasks and the table of them.
func (w *cFile) bodies() {
	for _, t := range w.tasks {
		w.printf("\nstatic void %s(struct task *t)\n{\n", t.body)
		if t.single >= 0 {
			w.printf("\trun(t, %d);\n", t.single)
		} else {
			w.statements(t.ops, t.first, 1)
		}
		w.printf("}\n")
	}
	w.printf("\nstatic const struct who tasks[NTASKS] = {\n")
	for _, t := range w.tasks {
		name, parent := t.name, "-1"
		if t.parent != "" {
			parent = w.constant(t.parent)
		}
		w.printf("\t[%s] = { %q, %s, %s },\n", t.constant, name, t.body, parent)
	}
	w.printf("};\n")
}

// statements writes what a task does; number n is the first operation's.
func (w *cFile) statements(ops []prog.Op, n, depth int) {
	for _, op := range ops {
		w.statement(op, n, depth)
		n += prog.Size([]prog.Op{op})
	}
}

func (w *cFile) statement(op prog.Op, n, depth int) {
	tab := strings.Repeat("\t", depth)
	switch op.Verb {
	case prog.VRepeat:
		w.printf("%st->quiet++; /* %s */\n%sfor (int i%d = 0; i%d < %d; i%d++) {\n", tab, inComment(op.String()), tab, depth, depth, op.Count, depth)
		w.statements(op.Body, n+1, depth+1)
		w.printf("%s}\n%st->quiet--;\n", tab, tab)
	case prog.VUntil:
		w.printf("%st->quiet++; /* %s */\n%sdo {\n", tab, inComment(op.String()), tab)
		w.statements(op.Body, n+1, depth+1)
		w.printf("%s} while (!has_ended(%s));\n%st->quiet--;\n", tab, w.constant(op.Task), tab)
	default:
		call := w.call(op, n)
		w.printf("%s%s%s /* %s */\n", tab, call, strings.Repeat(" ", max(0, 44-len(call))), inComment(op.String()))
	}
}

// call is the C statement of an operation.
func (w *cFile) call(op prog.Op, n int) string {
	switch op.Verb {
	case prog.VGo:
		return fmt.Sprintf("go(t, %d, %s);", n, w.constant(op.Task))
	case prog.VJoin:
		return fmt.Sprintf("join(t, %d, %s);", n, w.constant(op.Task))
	case prog.VAwaitBlocked:
		return fmt.Sprintf("await_blocked(t, %d, %s, %s);", n, w.constant(op.Task), functions(op.In))
	case prog.VAwaitHeld:
		return fmt.Sprintf("await_held(t, %d, %d);", n, op.Count)
	case prog.VHold:
		return fmt.Sprintf("set_rule(t, %d, (struct rule){ %s });", n, kinds(op.Reqs))
	case prog.VFail:
		return fmt.Sprintf("set_rule(t, %d, (struct rule){ %s, .fails = 1 });", n, kinds(op.Reqs))
	case prog.VRelease:
		return fmt.Sprintf("release(t, %d);", n)
	case prog.VDropCaches:
		return fmt.Sprintf("drop_caches(t, %d);", n)
	case prog.VRemount:
		return fmt.Sprintf("remount(t, %d);", n)
	case prog.VRecord:
		return "; /* of iomapcheck's history alone */"
	}
	if op.Expect.MayBlock {
		return fmt.Sprintf("may_block(OP_%d);", n)
	}
	return fmt.Sprintf("run(t, %d);", n)
}

// functions are kernel functions as the C runtime takes them.
func functions(in []string) string {
	if len(in) == 0 {
		return "NULL"
	}
	return fmt.Sprintf("%q", strings.Join(in, "|"))
}

func kinds(r prog.Requests) string {
	var out []string
	for _, k := range []struct {
		is   prog.Requests
		name string
	}{{prog.Reads, "reads"}, {prog.Writes, "writes"}, {prog.Flushes, "flushes"}} {
		if r&k.is != 0 {
			out = append(out, "."+k.name+" = 1")
		}
	}
	return strings.Join(out, ", ")
}
