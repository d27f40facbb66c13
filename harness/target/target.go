// Package target is what a program can be run on: the reference engine, a virtual machine, or the kernel of this machine.
package target

import (
	"context"
	"fmt"

	"github.com/iomapcheck/iomapcheck/harness/fsys"
	"github.com/iomapcheck/iomapcheck/harness/history"
	"github.com/iomapcheck/iomapcheck/harness/prog"
)

// Job is a program to be run on a fresh file system.
type Job struct {
	Program prog.Program
	FS      fsys.Spec
	// Name tells runs apart in what the target reports; unique among those that run at the same time.
	Name string
	// Seed drives whatever the target chooses by chance.
	Seed uint64
	// Budget is how many executions a target that explores may make; a kernel makes one.
	Budget int
	// Strategy is the name of the way in which a target that explores chooses its executions, "" for the target's own mixture.
	Strategy string
	// Replay is a token of Execution.Replay to be run again, "" for none.
	Replay string
	// Mutants are the engine's bugs to switch on.
	Mutants []string
	// Branch is the number of the operation before which other jobs to come go on differently, 0 for none: a target that can copy a machine may
	// carry out once what comes before. See prog.Program.Beginning.
	Branch int
	// Hangs says that the case lists a hang there: it needs not be waited for as long as one that would be news.
	Hangs bool
	// Proved is told that no schedule is left to try, and how many were executed to stand for all; may be nil. A target that explores
	// calls it at most once.
	Proved func(schedules int)
	// Watch is told what the target is doing, as often as that changes; may be nil. It must not block.
	Watch func(doing string)
}

// Execution is one run of a job's program.
type Execution struct {
	History *history.History
	// Console is the kernel's log during the execution, for the evidence.
	Console string
	// Replay is the token that makes the target do the same again, "" where it cannot.
	Replay string
	// Extra are further files of evidence, by name.
	Extra map[string]string
}

// Target runs programs. Its methods may be called by several goroutines at once.
type Target interface {
	// Name is "refengine", "vm" or "host".
	Name() string
	// Release is the kernel's release, as uname -r gives it; the engine's is the version it behaves like.
	Release() string
	// Run executes the job, and again while more returns true and the target has more to try. It returns nil when the
	// executions came to an end, however they went: a crash or hang of the kernel is in the history. An *UnsupportedError says that this
	// kernel or file system cannot do it; any other error is a fault of ours.
	Run(ctx context.Context, job Job, more func(Execution) bool) error
	// Close ends what the target has running.
	Close()
}

// Shrinker is a Target that can make a bad execution simpler.
type Shrinker interface {
	// Shrink looks for an execution of the job that is simpler than the token's and that bad calls bad too. What it returns has a
	// token of its own; it may be the execution that it was given.
	Shrink(ctx context.Context, job Job, token string, bad func(Execution) bool) (Execution, error)
}

// UnsupportedError says that the target cannot run the job, with the reason as it was found out.
type UnsupportedError struct{ Reason string }

func (e *UnsupportedError) Error() string { return "unsupported: " + e.Reason }

// FaultError is a fault of ours that ended a job, with what had been seen until then.
type FaultError struct {
	Err       error
	Execution *Execution
}

func (e *FaultError) Error() string { return e.Err.Error() }
func (e *FaultError) Unwrap() error { return e.Err }

// Unsupported makes an *UnsupportedError.
func Unsupported(format string, args ...any) error {
	return &UnsupportedError{fmt.Sprintf(format, args...)}
}
