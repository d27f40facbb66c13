package exec

import (
	"context"

	"github.com/iomapcheck/iomapcheck/harness/history"
	"github.com/iomapcheck/iomapcheck/harness/prog"
)

// Env is what a run needs of its surroundings.
type Env struct {
	// Root is the mounted file system; the program's files stand in it.
	Root string
	// Fixed says that the files are there and nothing changes their sizes; else they are made, or emptied.
	Fixed bool
	// Disk carries out the disk operations.
	Disk Disk
	// Remount unmounts Root and mounts it again; called while no task has a file open. An error that wraps a unix.Errno is the
	// kernel's answer and goes into the history; any other is a fault of the harness.
	Remount func() error
	// Memory is the cgroup of the program's tasks; needed where the program limits memory, else nil.
	Memory Memory
	// Attr is an attribute that every file gets when it is made, "" for none.
	Attr prog.Attr
	// Spares are task processes that wait for a task. Those that Run did not need it leaves alone.
	Spares []*Spare
	// Emit takes the events, in order, one at a time; it must not block for long.
	Emit func(history.Event)
	// Cut ends the machine's power and keeps of its disk what op says; it returns only if it cannot. nil where nobody can.
	Cut func(ctx context.Context, op prog.Op) error
	// Resume is the number of the operation to begin with: the one behind a power cut, on the machine that was started from what it left.
	// 0 is the beginning of the program.
	Resume int
	// BranchAt is the number of the operation of main before which Branch is called, 0 for none. Branch returns the program to go on with, which
	// is the same before that operation and about the same files; in every copy that has been made of the machine meanwhile.
	BranchAt int
	Branch   func(ctx context.Context) (prog.Program, error)
	// Confirm says how often a task must be found asleep without a context switch in between, a few milliseconds apart,
	// before it counts as blocked, where the machine cannot be seen to be idle. 0 means 20.
	Confirm int
}

// Disk is the programmable disk as a program sees it. Every call returns once the disk has taken it; errors are the
// harness's own, never the kernel's.
type Disk interface {
	// Hold holds requests from now on: all of the kinds, or those that carry (for reads: would return) data of the file range
	// that op names, which are recognised by their fill.
	Hold(ctx context.Context, op prog.Op) error
	// AwaitHeld waits until n requests are held, or returns a *NotProvokedError.
	AwaitHeld(ctx context.Context, n int64) error
	// Release lets requests go, as op says.
	Release(ctx context.Context, op prog.Op) error
	// Fail answers requests with an errno, as op says.
	Fail(ctx context.Context, op prog.Op) error
	// Heal ends every hold, letting go what is held, and every fail: what the files hold at the end is read from an honest
	// disk.
	Heal(ctx context.Context) error
	// Record switches the recording of requests.
	Record(ctx context.Context, on bool) error
	// Settle returns once every request that was made before has been answered, but for those that are held, and says how many
	// requests there have been. A task that sleeps while two calls in a row give the same number waits for something
	// else than a slow disk.
	Settle(ctx context.Context) (int64, error)
}

// NotProvokedError says that the situation a program waits for did not come about within the bound its Disk sets. The program ends
// there, what is held is let go, and the files are read as ever; the history notes it.
type NotProvokedError struct{ Why string }

func (e *NotProvokedError) Error() string { return "not provoked: " + e.Why }

// NotProvoked is the name of the note that a program which ended early leaves.
const NotProvoked = "not-provoked"
