package guest

import (
	"context"
	"errors"
	"fmt"

	"github.com/iomapcheck/iomapcheck/harness/prog"
	"github.com/iomapcheck/iomapcheck/harness/wire"
)

// turns are where a program may go on in another machine than the one in which it began.
type turns struct {
	cut    func(context.Context, prog.Op) error
	branch func(context.Context) (prog.Program, error)
}

// branch asks the host for the program to go on with. Meanwhile nobody here says anything: the machine may be copied, and every copy gets an
// answer of its own. The clocks are compared anew: a copy's stood still for as long as nobody wanted it.
func (a *agent) branch(ctx context.Context, done *wire.Done) (prog.Program, error) {
	if err := sayOnConsole(wire.BranchLine); err != nil {
		return prog.Program{}, err
	}
	answer, err := a.askAlone(ctx, wire.Ask{Op: wire.Branch, Clock: &wire.ClockOffset{Offset: done.Offset, Error: done.ClockError}})
	switch {
	case err != nil:
		return prog.Program{}, err
	case answer.Error != "":
		return prog.Program{}, errors.New(answer.Error)
	}
	if done.Offset, done.ClockError, err = a.clock(ctx); err != nil {
		return prog.Program{}, fmt.Errorf("compare clocks: %w", err)
	}
	return prog.Parse(answer.Program)
}

// askAlone is put, with nobody else sending anything before the answer is there.
func (a *agent) askAlone(ctx context.Context, question wire.Ask) (wire.Answer, error) {
	ch := a.expect(&question)
	more, err := a.conn.SendLast(wire.ToHost{Ask: &question})
	defer more()
	if err != nil {
		return wire.Answer{}, err
	}
	return await(ctx, ch)
}
