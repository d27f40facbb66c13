package judge

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/iomapcheck/iomapcheck/harness/history"
	"github.com/iomapcheck/iomapcheck/harness/prog"
)

// world is a correct kernel: a file whose bytes change at one moment between an operation's invocation and its return. Loads and
// stores go byte by byte, so that they may mix with others.
type world struct {
	bytes []byte // fills; the file's size is its length
	h     history.History
	now   int64
}

func (w *world) add(e history.Event) {
	w.now++
	e.Time = w.now
	w.h.Events = append(w.h.Events, e)
}

// extend makes the file at least n bytes long.
func (w *world) extend(n int64) {
	for int64(len(w.bytes)) < n {
		w.bytes = append(w.bytes, byte(prog.Zero))
	}
}

func (w *world) fill(lo, end int64, f prog.Fill) {
	for i := lo; i < end && i < int64(len(w.bytes)); i++ {
		w.bytes[i] = byte(f)
	}
}

// carryOut changes the file as the operation does and returns what it sees, and how much it did.
func (w *world) carryOut(op prog.Op) (string, int64) {
	end := op.Off + op.Len
	switch {
	case op.Verb == prog.VTruncate:
		w.extend(op.Len)
		w.bytes = w.bytes[:op.Len]
		return "", 0
	case op.Verb == prog.VFallocate && op.Mode == prog.FallocPunch:
		w.fill(op.Off, end, prog.Zero)
		return "", 0
	case op.Verb == prog.VFallocate:
		w.extend(end)
		return "", 0
	case op.Verb == prog.VSize:
		return "", int64(len(w.bytes))
	case op.Verb == prog.VStore:
		w.fill(op.Off, end, op.Fill)
		return "", 0
	case op.Verb.Writes():
		w.extend(end)
		w.fill(op.Off, end, op.Fill)
		return "", op.Len
	}
	lo := min(op.Off, int64(len(w.bytes)))
	seen := string(w.bytes[lo:min(end, int64(len(w.bytes)))])
	return seen, int64(len(seen))
}

// runs is a content of which each byte is given by its fill.
func runs(fills string) prog.Content {
	var c prog.Content
	for i := range len(fills) {
		if n := len(c); n > 0 && c[n-1].Fill == fills[i:i+1] {
			c[n-1].Len++
			continue
		}
		c = append(c, prog.Run{Len: 1, Fill: fills[i : i+1]})
	}
	return c
}

// randomProgram has up to three tasks of random operations on the first 40 bytes of a file.
func randomProgram(t *rapid.T) prog.Program {
	fills := "abcdefghijklmnopqrstuvwxyz"
	var top []prog.Op
	tasks := rapid.IntRange(1, 3).Draw(t, "tasks")
	for i := range tasks {
		var body []prog.Op
		for j := range rapid.IntRange(1, 6).Draw(t, "operations") {
			off, n := rapid.Int64Range(0, 30).Draw(t, "offset"), rapid.Int64Range(1, 10).Draw(t, "length")
			fill := prog.Fill(fills[i*8+j])
			anyCount := []int64{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10}
			body = append(body, rapid.SampledFrom([]prog.Op{
				prog.Write("f", off, n, fill), prog.DirectWrite("f", off, n, fill), prog.Store("f", off, n, fill),
				prog.Read("f", off, n).Counts(anyCount...), prog.DirectRead("f", off, n).Counts(anyCount...),
				prog.Truncate("f", off), prog.Fallocate("f", off, n, prog.FallocPunch), prog.Fallocate("f", off, n, prog.FallocAlloc),
				prog.FileSize("f"),
			}).Draw(t, "operation"))
		}
		name := fmt.Sprintf("t%d", i)
		top = append(top, prog.Go(name, body...))
	}
	for i := range tasks {
		top = append(top, prog.Join(fmt.Sprintf("t%d", i)))
	}
	return prog.New(top...)
}

// perform runs the program in a random interleaving: each operation is invoked, takes effect, and returns at moments of its own.
func perform(t *rapid.T, p prog.Program) *world {
	w := &world{h: history.History{Header: history.Header{Target: "refengine", FS: "xfs"}}}
	type thread struct {
		steps []prog.Step
		stage int // 0 to invoke, 1 to take effect, 2 to return
		ret   history.Event
	}
	byTask := map[string]*thread{}
	var order []*thread
	for _, s := range p.Steps() {
		if s.Task != "main" {
			if byTask[s.Task] == nil {
				byTask[s.Task] = &thread{}
				order = append(order, byTask[s.Task])
			}
			byTask[s.Task].steps = append(byTask[s.Task].steps, s)
		}
	}
	for len(order) > 0 {
		i := rapid.IntRange(0, len(order)-1).Draw(t, "next")
		th := order[i]
		s := th.steps[0]
		switch th.stage {
		case 0:
			w.add(history.Event{Kind: history.Invoke, Task: s.Task, Op: s.N})
		case 1:
			seen, n := w.carryOut(s.Op)
			th.ret = history.Event{Kind: history.Return, Task: s.Task, Op: s.N, N: n, Data: runs(seen)}
		case 2:
			w.add(th.ret)
			th.steps = th.steps[1:]
		}
		th.stage = (th.stage + 1) % 3
		if len(th.steps) == 0 {
			order = slices.Delete(order, i, i+1)
		}
	}
	for _, path := range finalPaths() {
		e := history.Event{Kind: history.Final, Op: -1, File: "f", Path: string(path)}
		if path != history.FinalSync {
			e.N, e.Data = int64(len(w.bytes)), runs(string(w.bytes))
		}
		w.add(e)
	}
	return w
}

func judgeWorld(p prog.Program, w *world) Result {
	for _, s := range p.Steps() {
		if s.Op.Verb == prog.VJoin { // joins are not performed; main's events do not matter here
			w.add(history.Event{Kind: history.Invoke, Task: "main", Op: s.N})
			w.add(history.Event{Kind: history.Return, Task: "main", Op: s.N})
		}
	}
	return Judge(p, &w.h)
}

func TestCorrectKernelNeverFails(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := randomProgram(t)
		w := perform(t, p)
		if res := judgeWorld(p, w); res.Verdict != OK {
			t.Fatalf("%s\n%s\n%s", res.Summary(), p, w.h.Text(p))
		}
	})
}

// corrupt changes one byte of one content: the events that have any, and the fill it becomes.
func corrupt(t *rapid.T, w *world, fill func(old string) string) bool {
	var with []int
	for i, e := range w.h.Events {
		if e.Data.Len() > 0 {
			with = append(with, i)
		}
	}
	if len(with) == 0 {
		return false
	}
	e := &w.h.Events[rapid.SampledFrom(with).Draw(t, "event")]
	var bytes strings.Builder
	for _, run := range e.Data {
		bytes.WriteString(strings.Repeat(run.Fill, int(run.Len)))
	}
	b := []byte(bytes.String())
	i := rapid.IntRange(0, len(b)-1).Draw(t, "byte")
	b[i] = fill(string(b[i]))[0]
	e.Data = runs(string(b))
	return true
}

func TestFillThatWasNeverWrittenAlwaysFails(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := randomProgram(t)
		w := perform(t, p)
		if !corrupt(t, w, func(string) string { return "Z" }) {
			return
		}
		if res := judgeWorld(p, w); res.Verdict != Fail || res.Rule != RuleCoherence {
			t.Fatalf("%s\n%s\n%s", res.Summary(), p, w.h.Text(p))
		}
	})
}

func TestAnyOtherFillFailsWhereNothingIsConcurrent(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := randomProgram(t)
		p.Ops = append([]prog.Op(nil), p.Ops[0], prog.Join("t0")) // one task only
		w := perform(t, p)
		// Stores at the end of a file are the one thing that a sequential program leaves open; there are no loads to show them.
		pick := func(old string) string {
			return rapid.SampledFrom([]string{"a", "b", "c", "d", "e", "f", "."}).Filter(func(s string) bool { return s != old }).Draw(t, "fill")
		}
		if !corrupt(t, w, pick) {
			return
		}
		if res := judgeWorld(p, w); res.Verdict != Fail || res.Rule != RuleCoherence {
			t.Fatalf("%s\n%s\n%s", res.Summary(), p, w.h.Text(p))
		}
	})
}

func TestWrongSizeAlwaysFailsWhereNothingIsConcurrent(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := randomProgram(t)
		p.Ops = append([]prog.Op(nil), p.Ops[0], prog.Join("t0"))
		w := perform(t, p)
		var sized []*history.Event
		for i := range w.h.Events {
			e := &w.h.Events[i]
			if e.Kind == history.Final && e.Path != string(history.FinalSync) || e.Kind == history.Return && p.Steps()[e.Op].Op.Verb == prog.VSize {
				sized = append(sized, e)
			}
		}
		e := rapid.SampledFrom(sized).Draw(t, "event")
		e.N = rapid.Int64Range(0, 50).Filter(func(n int64) bool { return n != e.N }).Draw(t, "size")
		if res := judgeWorld(p, w); res.Verdict != Fail || res.Rule != RuleCoherence {
			t.Fatalf("%s\n%s\n%s", res.Summary(), p, w.h.Text(p))
		}
	})
}
