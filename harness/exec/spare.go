package exec

import (
	"context"
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// Spare is a task process that has started, rehearsed, and waits for its task: most of what makes a task ready on a slow machine is
// done in it.
type Spare struct {
	process *os.Process
	link    *link
}

// StartSpare starts the binary again as a task process for whichever task will need one, and waits until it waits. A spare ends with the task it
// was used for, or with the process that started it.
func StartSpare(ctx context.Context) (*Spare, error) {
	s, err := startProcess(&unix.SysProcAttr{Pdeathsig: unix.SIGKILL}, spareArg)
	if err != nil {
		return nil, fmt.Errorf("start spare task process: %w", err)
	}
	if err := s.awaitReady(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("start spare task process: %w", err), s.process.Kill())
	}
	return s, nil
}

// spareArg behind TaskArg makes a process rehearse, and say when it has.
const spareArg = "spare"

// awaitReady takes the spare's only report before it has a task.
func (s *Spare) awaitReady(ctx context.Context) error {
	said := make(chan error, 1)
	go func() {
		var r report
		err := s.link.receive(&r)
		if err == nil && (r.Say != "rehearsed" || r.Error != "") {
			err = fmt.Errorf("it said %q, not that it has rehearsed: %s", r.Say, r.Error)
		}
		said <- err
	}()
	select {
	case err := <-said:
		return err
	case <-ctx.Done():
		return context.Cause(ctx) // killing the process ends the reader
	}
}

// startProcess starts the binary again as a task process.
func startProcess(attr *unix.SysProcAttr, args ...string) (*Spare, error) {
	l, other, err := pair()
	if err != nil {
		return nil, err
	}
	defer other.Close()
	process, err := os.StartProcess("/proc/self/exe", append([]string{os.Args[0], TaskArg}, args...), &os.ProcAttr{
		Files: []*os.File{nil, os.Stderr, os.Stderr, other},
		Env:   []string{"GODEBUG=" + RuntimeSettings, "GOTRACEBACK=all"},
		Sys:   attr,
	})
	if err != nil {
		l.close()
		return nil, err
	}
	return &Spare{process, l}, nil
}

// RuntimeSettings keep Go's runtime from disturbing what a task does: no signals to threads in system calls, and no look at the processor's
// limits from time to time.
const RuntimeSettings = "asyncpreemptoff=1,containermaxprocs=0,updatemaxprocs=0"

// takeSpare is a spare for a task; nil if there is none, or the task's memory is to be counted from its start.
func (c *conductor) takeSpare(p *proc) *Spare {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.env.Spares) == 0 || c.env.Memory != nil && p.key != finalKey {
		return nil
	}
	s := c.env.Spares[0]
	c.env.Spares = c.env.Spares[1:]
	return s
}
