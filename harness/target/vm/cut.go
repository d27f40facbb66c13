package vm

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/iomapcheck/iomapcheck/harness/disk"
	"github.com/iomapcheck/iomapcheck/harness/history"
	"github.com/iomapcheck/iomapcheck/harness/observe"
	"github.com/iomapcheck/iomapcheck/harness/oops"
	"github.com/iomapcheck/iomapcheck/harness/operate"
	"github.com/iomapcheck/iomapcheck/harness/prog"
	"github.com/iomapcheck/iomapcheck/harness/target"
	"github.com/iomapcheck/iomapcheck/harness/wire"
	"github.com/iomapcheck/iomapcheck/vmimage/qemu"
)

// A program that cuts the power has two lives, each on a machine of its own:
//
//	first life    blank disk ── mkfs, mount ── program … cut ┐ disk frozen, machine killed
//	second life   another machine ── the frozen disk ── mount ── rest of the program, final reads
//
// Both are one history, on the first guest's clock. What the first guest still says after its disk is frozen is not heard: what it had not
// reported by then had not returned.

// life is what a power cut leaves of a run.
type life struct {
	op      int // the number of the cut
	image   *disk.Image
	events  []history.Event
	console string
	found   []oops.Finding
	clock   wire.ClockOffset
	born    time.Time // the zero of the host's clock
	end     int64     // when the power went, on the guest's clock
}

// cuts says whether a message asks for a power cut, and of which kind.
func cuts(msg wire.ToHost) (prog.Op, bool) {
	if msg.Ask == nil || msg.Ask.Clock == nil {
		return prog.Op{}, false
	}
	p, err := prog.Parse(msg.Ask.Op)
	if err != nil || len(p.Ops) != 1 || p.Ops[0].Verb != prog.VCut {
		return prog.Op{}, false
	}
	return p.Ops[0], true
}

// resume is the number of the program's operation to begin with.
func (r *run) resume() int {
	if r.past == nil {
		return 0
	}
	return r.past.op + 1
}

// watchPower makes the disk of a program that will cut the power remember from here on what it has promised. What mkfs and mount wrote
// counts as promised.
func (r *run) watchPower() {
	if _, ok := r.job.Program.Cut(); ok && r.past == nil {
		r.m.disk.TrackPower(true)
	}
}

// cutPower freezes what the disk has promised, and what the program wants kept beside it.
func (r *run) cutPower(op prog.Op, clock wire.ClockOffset) error {
	// Before the disk is frozen: what it refuses from then on, the guest complains of.
	console, found := r.m.log.since(r.text, r.findings)
	note, err := operate.Cut(r.m.disk, op, r.job.Program, r.job.Seed)
	if err != nil {
		return err
	}
	at := max(r.m.clock()-clock.Offset, r.timeline.last())
	step, _ := r.job.Program.Cut()
	r.cut = &life{op: step.N, image: r.m.disk.Snapshot(), console: console, found: found, clock: clock, born: r.m.born, end: at}
	note.Time = at
	r.timeline.guest(note)
	return nil
}

// over is the first life as it is to be handed on: everything that its guest and disk have told.
func (r *run) over() *life {
	past := r.cut
	past.events = r.m.withFindings(r.timeline.events(past.born, past.clock.Offset), past.found, past.end)
	return past
}

// secondLife kills the machine and goes on with the program on another one, from what the first one's disk has left.
func (r *run) secondLife(ctx context.Context) (*target.Execution, error) {
	r.m.spent = true
	past := r.over()
	r.m.stop()
	m, err := r.m.target.survivor(ctx, r.m.shape, r.job.FS, r.job.Watch)
	var dead *qemu.BootError
	if errors.As(err, &dead) {
		x := r.m.target.bootFailure(r.job, dead)
		x.History.Events = append(past.events, x.History.Events...)
		return x, nil
	}
	if err != nil {
		return nil, fmt.Errorf("start a machine after the power cut: %w", err)
	}
	x, err := m.revive(ctx, r.job, past)
	var unsupported *target.UnsupportedError
	m.spent = m.spent || err != nil && !errors.As(err, &unsupported)
	m.target.giveBack(m)
	return x, err
}

// revive mounts what a power cut has left and runs the rest of the program.
func (m *machine) revive(ctx context.Context, job target.Job, past *life) (*target.Execution, error) {
	r := m.newRun(job)
	r.past = past
	m.heal()
	err := m.disk.Restore(past.image)
	if err == nil {
		prepare := r.preparation(observe.Wanted(job.Program))
		prepare.Mkfs, prepare.Recover = nil, true
		err = r.prepareAs(ctx, prepare)
	}
	switch {
	case err != nil:
	case r.refused != "":
		r.timeline.guest(history.Event{Kind: history.Return, Time: m.clock(), Task: "main", Op: past.op, Errno: r.refused})
		m.spent = true
	case r.refusal() == "":
		err = r.program(ctx, r.nonce)
	}
	r.end()
	return r.conclude(err)
}

// joined puts both lives' events on the first guest's clock. The second life begins after the first one's end, whatever the clocks' error.
func (r *run) joined(second []history.Event) []history.Event {
	past := r.past
	if past == nil {
		return second
	}
	shift := r.m.born.Sub(past.born).Nanoseconds() + r.offset() - past.clock.Offset
	all := slices.Clone(past.events)
	for _, e := range second {
		e.Time = max(e.Time+shift, past.end+1)
		all = append(all, e)
	}
	return all
}

// bothConsoles is the console's text of both lives.
func (r *run) bothConsoles(second string) string {
	if r.m.midway != nil {
		return r.m.midway.console + second
	}
	if r.past == nil {
		return second
	}
	return r.past.console + "\n[the power was cut; what follows is of the next boot]\n" + second
}
