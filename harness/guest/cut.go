package guest

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/iomapcheck/iomapcheck/harness/prog"
	"github.com/iomapcheck/iomapcheck/harness/wire"
)

// cutPower has the host cut this machine's power, once it has told everything that it knows. It returns only if the host cannot.
// nonce is the last line on its console.
func (a *agent) cutPower(ctx context.Context, op prog.Op, nonce string, done *wire.Done, tell func() error) error {
	if err := tell(); err != nil {
		return fmt.Errorf("tell what was traced before the power cut: %w", err)
	}
	if err := sayOnConsole(nonce); err != nil {
		return err
	}
	a.checkClock(done)
	answer, err := a.put(ctx, wire.Ask{Op: op.String(), Clock: &wire.ClockOffset{Offset: done.Offset, Error: done.ClockError}})
	if err != nil {
		return err
	}
	return errors.New(answer.Error)
}

// refusedError is the kernel's refusal to mount what a power cut left.
type refusedError struct{ errno string }

func (e *refusedError) Error() string { return "mount what the power cut left: " + e.errno }

// refusal makes a mount's error a *refusedError; what is no errno is a fault of ours and stays as it is.
func refusal(err error) error {
	var errno unix.Errno
	if !errors.As(err, &errno) {
		return err
	}
	return &refusedError{errno: unix.ErrnoName(errno)}
}
