package disk

import (
	"context"
	"fmt"
	"net"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// modelSize spans three chunks and a bit.
const modelSize = 3*chunkSize + 512

// model is the disk as one plain byte slice, driven side by side with a real one. It keeps every change ever made and finds what
// a power cut leaves by carrying the durable ones out again from the start.
type model struct {
	disk   *Disk
	client *client

	now     []byte
	history []modelChange
	holds   []hold
	held    []*modelRequest
}

type modelChange struct {
	at      Range
	data    []byte
	durable bool
}

// modelRequest is a request that is under way.
type modelRequest struct {
	op     Op
	at     Range
	data   []byte
	fua    bool
	mark   int // for a flush: how many changes there were when it arrived
	hold   HoldID
	answer *call
}

func newModel(options ...Option) (*model, error) {
	m := &model{disk: New(modelSize, options...), now: make([]byte, modelSize)}
	return m, m.connect()
}

// connect gives the disk a new client, in place of an earlier one.
func (m *model) connect() error {
	if m.client != nil {
		m.client.net.Close()
		<-m.client.done
	}
	near, far := net.Pipe()
	// Close waits for Serve; how it ended is seen by the client.
	go func() { _ = m.disk.Serve(context.Background(), far) }()
	var err error
	m.client, err = dial(near, "")
	return err
}

func (m *model) close() {
	m.disk.Close()
	m.client.net.Close()
	<-m.client.done
}

// ask sends a request, and waits for its answer unless a hold keeps it.
func (m *model) ask(ctx context.Context, r *modelRequest) error {
	cmds := map[Op]uint16{OpRead: 0, OpWrite: 1, OpFlush: 3, OpTrim: 4, OpZero: 6}
	var flags uint16
	if r.fua {
		flags = 1
	}
	r.mark = len(m.history)
	r.answer = m.client.send(cmds[r.op], flags, uint64(r.at.Off), uint32(r.at.Len()), r.data)
	for _, h := range m.holds {
		if h.match.covers(r.op, r.at) {
			r.hold = h.id
			m.held = append(m.held, r)
			_, err := m.disk.AwaitHeld(ctx, len(m.held))
			return err
		}
	}
	return m.carryOut(r)
}

// carryOut waits for the answer and does to the slice what the disk should have done.
func (m *model) carryOut(r *modelRequest) error {
	if err := r.answer.wait(); err != nil {
		return fmt.Errorf("%v %v: %w", r.op, r.at, err)
	}
	here := m.now[r.at.Off:r.at.End]
	switch r.op {
	case OpRead:
		if i := firstDifference(r.answer.data, here); i >= 0 {
			return fmt.Errorf("read %v: byte %#x differs: %#x, want %#x", r.at, r.at.Off+int64(i), r.answer.data[i], here[i])
		}
	case OpFlush:
		for i := range r.mark {
			m.history[i].durable = true
		}
	default:
		if r.op != OpWrite {
			r.data = make([]byte, r.at.Len())
		}
		copy(here, r.data)
		m.history = append(m.history, modelChange{r.at, r.data, r.fua})
	}
	return nil
}

// release releases on both sides and compares what went.
func (m *model) release(w Which, chosen []*modelRequest, ends HoldID) error {
	got := m.disk.Release(w)
	if len(got) != len(chosen) {
		return fmt.Errorf("released %v, want %d requests", got, len(chosen))
	}
	for i, r := range chosen {
		if got[i].Op != r.op || got[i].Range != r.at {
			return fmt.Errorf("release %d is %v, want %v %v", i, got[i], r.op, r.at)
		}
	}
	m.held = slices.DeleteFunc(m.held, func(r *modelRequest) bool { return slices.Contains(chosen, r) })
	m.holds = slices.DeleteFunc(m.holds, func(h hold) bool { return ends < 0 || h.id == ends })
	return m.carryOutAll(chosen)
}

func (m *model) carryOutAll(chosen []*modelRequest) error {
	for _, r := range chosen {
		if err := m.carryOut(r); err != nil {
			return err
		}
	}
	return nil
}

// cut cuts the power on both sides and connects anew.
func (m *model) cut() error {
	if _, err := m.disk.Cut(); err != nil {
		return err
	}
	for _, r := range m.held {
		if err := r.answer.wait(); !hasErrno(err, ESHUTDOWN) {
			return fmt.Errorf("held %v %v at the cut: %v, want ESHUTDOWN", r.op, r.at, err)
		}
	}
	m.held, m.holds = nil, nil
	clear(m.now)
	m.history = slices.DeleteFunc(m.history, func(c modelChange) bool { return !c.durable })
	for _, c := range m.history {
		copy(m.now[c.at.Off:], c.data)
	}
	return m.connect()
}

// check compares the whole contents.
func (m *model) check() error {
	got := make([]byte, modelSize)
	if _, err := m.disk.ReadAt(got, 0); err != nil {
		return err
	}
	if i := firstDifference(got, m.now); i >= 0 {
		return fmt.Errorf("contents differ at %#x: %#x, want %#x", i, got[i], m.now[i])
	}
	return nil
}

// drawRange draws a range that often starts or ends where a chunk does.
func drawRange(t *rapid.T) Range {
	edge := rapid.OneOf(rapid.Int64Range(0, modelSize), rapid.SampledFrom([]int64{0, 512, chunkSize, 2 * chunkSize, 3 * chunkSize, modelSize}))
	a, b := edge.Draw(t, "edge"), edge.Draw(t, "edge")
	return Range{min(a, b), max(a, b)}
}

func drawRequest(t *rapid.T) *modelRequest {
	r := &modelRequest{op: rapid.SampledFrom([]Op{OpRead, OpRead, OpWrite, OpWrite, OpWrite, OpFlush, OpTrim, OpZero}).Draw(t, "op")}
	if r.op == OpFlush {
		return r
	}
	r.at = drawRange(t)
	if r.op == OpWrite {
		r.data = fill(rapid.Byte().Draw(t, "byte"), int(r.at.Len()))
	}
	r.fua = r.op != OpRead && rapid.IntRange(0, 3).Draw(t, "fua") == 0
	return r
}

func (m *model) drawHold(t *rapid.T) {
	match := Match{Ops: OpSet(rapid.IntRange(1, int(AllOps)).Draw(t, "ops"))}
	if rapid.Bool().Draw(t, "ranged") {
		match.Ranges = []Range{drawRange(t)}
	}
	m.holds = append(m.holds, hold{m.disk.Hold(match), match})
}

func (m *model) drawRelease(t *rapid.T) error {
	n := rapid.IntRange(0, 3).Draw(t, "n")
	k := min(n, len(m.held))
	switch rapid.IntRange(0, 3).Draw(t, "which") {
	case 0:
		return m.release(All(), slices.Clone(m.held), -1)
	case 1:
		return m.release(Oldest(n), slices.Clone(m.held[:k]), 0)
	case 2:
		newest := slices.Clone(m.held[len(m.held)-k:])
		slices.Reverse(newest)
		return m.release(Newest(n), newest, 0)
	}
	if len(m.holds) == 0 {
		return nil
	}
	id := rapid.SampledFrom(m.holds).Draw(t, "hold").id
	mine := slices.DeleteFunc(slices.Clone(m.held), func(r *modelRequest) bool { return r.hold != id })
	return m.release(Hold(id), mine, id)
}

// step does one random thing on both sides.
func (m *model) step(ctx context.Context, t *rapid.T, cuts bool) error {
	switch n := rapid.IntRange(0, 12).Draw(t, "step"); {
	case n == 0:
		m.drawHold(t)
	case n == 1:
		return m.drawRelease(t)
	case n == 2 && cuts:
		return m.cut()
	default:
		return m.ask(ctx, drawRequest(t))
	}
	return nil
}

// runModel does random things on a disk, broken by sabotage if that is not nil, and returns the first difference from the model.
func runModel(ctx context.Context, t *rapid.T, sabotage func(*Disk), options ...Option) error {
	m, err := newModel(options...)
	if err != nil {
		return err
	}
	defer m.close()
	if sabotage != nil {
		sabotage(m.disk)
	}
	for range rapid.IntRange(1, 40).Draw(t, "steps") {
		if err := m.step(ctx, t, len(options) > 0); err != nil {
			return err
		}
	}
	if err := m.release(All(), slices.Clone(m.held), -1); err != nil {
		return err
	}
	return m.check()
}

func TestRandomRequestsAndHoldsDoWhatAByteSliceDoes(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		if err := runModel(t.Context(), rt, nil); err != nil {
			rt.Fatal(err)
		}
	})
}

func TestRandomPowerCutsLeaveTheDurableChangesInTheirOrder(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		if err := runModel(t.Context(), rt, nil, EnableCut()); err != nil {
			rt.Fatal(err)
		}
	})
}

// TestTheModelNoticesABrokenDisk shows that the two tests above can fail.
func TestTheModelNoticesABrokenDisk(t *testing.T) {
	for name, sabotage := range map[string]func(*Disk){
		"loses a write": func(d *Disk) { d.Lose(Match{Ops: Writes}, 1) },
		"stale reads":   func(d *Disk) { d.Stale(Match{Ops: Reads}, -1) },
		"fails a flush": func(d *Disk) { d.Fail(Match{Ops: Flushes}, EIO, 1) },
		"promises what it does not keep": func(d *Disk) {
			d.power.reset(&contents{size: modelSize, root: newContents(modelSize).root, owner: new(owner)})
			d.power.durable.writeAt(fill('!', modelSize), 0)
		},
	} {
		t.Run(name, func(t *testing.T) {
			noticed := 0
			rapid.Check(t, func(rt *rapid.T) {
				if runModel(t.Context(), rt, sabotage, EnableCut()) != nil {
					noticed++
				}
			})
			if noticed == 0 {
				t.Fatal("no run of the model noticed")
			}
		})
	}
}
