package exec

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// Spare is a task process that has started and waits for its task: most of what makes a task ready on a slow machine is done in it.
type Spare struct {
	process *os.Process
	link    *link
}

// StartSpare starts the binary again as a task process for whichever task will need one. A spare ends with the task it was used for, or with
// the process that started it.
func StartSpare() (*Spare, error) {
	s, err := startProcess(&unix.SysProcAttr{Pdeathsig: unix.SIGKILL})
	if err != nil {
		return nil, fmt.Errorf("start spare task process: %w", err)
	}
	return s, nil
}

// startProcess starts the binary again as a task process.
func startProcess(attr *unix.SysProcAttr) (*Spare, error) {
	l, other, err := pair()
	if err != nil {
		return nil, err
	}
	defer other.Close()
	process, err := os.StartProcess("/proc/self/exe", []string{os.Args[0], TaskArg}, &os.ProcAttr{
		Files: []*os.File{nil, os.Stderr, os.Stderr, other},
		Env:   []string{"GODEBUG=asyncpreemptoff=1", "GOTRACEBACK=all"},
		Sys:   attr,
	})
	if err != nil {
		l.close()
		return nil, err
	}
	return &Spare{process, l}, nil
}

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
