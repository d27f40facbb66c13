package judge

import (
	"slices"
	"strings"
	"testing"

	"github.com/iomapcheck/iomapcheck/harness/history"
	"github.com/iomapcheck/iomapcheck/harness/prog"
)

// scene builds a history by hand. Every event takes place 10 after the one before it.
type scene struct {
	t     *testing.T
	p     prog.Program
	h     history.History
	steps []prog.Step
	now   int64
}

func stage(t *testing.T, text string) *scene {
	t.Helper()
	p, err := prog.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return &scene{t: t, p: p, steps: p.Steps(), h: history.History{Header: history.Header{Target: "vm", FS: "xfs"}}}
}

func (s *scene) add(e history.Event) {
	s.now += 10
	e.Time = s.now
	s.h.Events = append(s.h.Events, e)
}

// begin invokes operations.
func (s *scene) begin(ops ...int) {
	for _, n := range ops {
		s.invoke(n, 0)
	}
}

func (s *scene) invoke(n, iter int) {
	s.add(history.Event{Kind: history.Invoke, Task: s.steps[n].Task, Op: n, Iter: iter})
}

// end returns from an operation: with an errno, a content such as n:4k,o:60k, a count, or "" for the full count.
func (s *scene) end(n int, result string) { s.ret(n, 0, result) }

func (s *scene) ret(n, iter int, result string) {
	e := history.Event{Kind: history.Return, Task: s.steps[n].Task, Op: n, Iter: iter}
	op := s.steps[n].Op
	switch {
	case strings.HasPrefix(result, "E") || strings.HasPrefix(result, "SIG"):
		e.Errno = result
	case strings.Contains(result, ":"):
		e.Data = content(s.t, result)
		e.N = e.Data.Len()
	case result != "":
		e.N = size(s.t, result)
	case counted(op.Verb):
		e.N = op.Len
	}
	s.add(e)
}

func (s *scene) do(n int, result string) {
	s.begin(n)
	s.end(n, result)
}

// sequence does operations one after the other with full success.
func (s *scene) sequence(ops ...int) {
	for _, n := range ops {
		s.do(n, "")
	}
}

// disk adds an event of a disk request.
func (s *scene) disk(what history.What, request int64) {
	s.add(history.Event{Kind: history.Disk, Op: -1, What: what, Request: request, Dir: "write", Len: 4096})
}

func finalPaths() []history.FinalPath {
	return []history.FinalPath{history.FinalMapped, history.FinalBuffered, history.FinalDirect, history.FinalSync, history.FinalDropped,
		history.FinalRemountBuffered, history.FinalRemountDirect}
}

// finally has every path read the file, all the same.
func (s *scene) finally(file, text string) {
	c := content(s.t, text)
	for _, path := range finalPaths() {
		e := history.Event{Kind: history.Final, Op: -1, File: file, Path: string(path)}
		if path != history.FinalSync {
			e.N, e.Data = c.Len(), c
		}
		s.add(e)
	}
}

// path changes what one path read in the end; all of them for "".
func (s *scene) path(p history.FinalPath, change func(*history.Event)) {
	found := false
	for i := range s.h.Events {
		if e := &s.h.Events[i]; e.Kind == history.Final && (p == "" && e.Data != nil || e.Path == string(p)) {
			change(e)
			found = true
		}
	}
	if !found {
		s.t.Fatalf("the history has no final path %s", p)
	}
}

// reads makes a path read a content.
func (s *scene) reads(p history.FinalPath, text string) {
	s.path(p, func(e *history.Event) { e.Data = content(s.t, text); e.N = e.Data.Len() })
}

// event is the event of a kind for an operation.
func (s *scene) event(k history.Kind, op int) *history.Event {
	for i := range s.h.Events {
		if e := &s.h.Events[i]; e.Kind == k && e.Op == op {
			return e
		}
	}
	s.t.Fatalf("the history has no %s of op %d", k, op)
	return nil
}

// stretch lets time pass after the first event that matches.
func (s *scene) stretch(after func(history.Event) bool, pause int64) {
	i := slices.IndexFunc(s.h.Events, after)
	if i < 0 {
		s.t.Fatal("the history has no such event")
	}
	for j := i + 1; j < len(s.h.Events); j++ {
		s.h.Events[j].Time += pause
	}
	s.now += pause
}

// drop removes the events that match.
func (s *scene) drop(match func(history.Event) bool) {
	var kept []history.Event
	for _, e := range s.h.Events {
		if !match(e) {
			kept = append(kept, e)
		}
	}
	s.h.Events = kept
}

func (s *scene) judge() Result { return Judge(s.p, &s.h) }

// want demands a summary; a trailing … stands for anything.
func (s *scene) want(summary string) {
	s.t.Helper()
	got := s.judge().Summary()
	if head, open := strings.CutSuffix(summary, "…"); got != summary && !(open && strings.HasPrefix(got, head)) {
		s.t.Errorf("got  %s\nwant %s", got, summary)
	}
}

// content reads runs as Content prints them; garbage as !:4k comes with raw bytes.
func content(t *testing.T, text string) prog.Content {
	t.Helper()
	var c prog.Content
	for part := range strings.SplitSeq(text, ",") {
		fill, n, ok := strings.Cut(part, ":")
		if !ok {
			t.Fatalf("content %q: want runs such as n:4k", text)
		}
		run := prog.Run{Len: size(t, n), Fill: fill}
		if fill == prog.Garbage {
			run.Raw = "deadbeef"
		}
		if run.Len > 0 {
			c = append(c, run)
		}
	}
	return c
}

func size(t *testing.T, text string) int64 {
	t.Helper()
	n, err := prog.ParseSize(text)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

const postWrite = `write f 0 64k o
fsync f
drop-caches
hold writes
go writer: direct-write f 0 64k n
await held 1
read f 0 64k ? n|o may-block @refill
release
join writer
read f 0 64k = n
witness held-while refill
`

// postWriteScene is the case coherence/post-write-invalidation as it should go.
func postWriteScene(t *testing.T) *scene {
	s := stage(t, postWrite)
	s.sequence(0, 1, 2, 3, 4)
	s.begin(5, 6)
	s.disk(history.Held, 1)
	s.end(6, "")
	s.do(7, "o:64k")
	s.begin(8)
	s.disk(history.Released, 1)
	s.end(8, "")
	s.end(5, "")
	s.sequence(9)
	s.do(10, "n:64k")
	s.finally("f", "n:64k")
	return s
}

// variation is a scene with one thing changed, and what must come of it.
type variation struct {
	name   string
	change func(*scene)
	want   string
}

// vary judges the scene as it is, which must be ok, and each variation of it.
func vary(t *testing.T, build func(*testing.T) *scene, list []variation) {
	t.Helper()
	t.Run("unchanged", func(t *testing.T) { build(t).want("ok") })
	for _, v := range list {
		t.Run(v.name, func(t *testing.T) {
			s := build(t)
			v.change(s)
			s.want(v.want)
		})
	}
}
