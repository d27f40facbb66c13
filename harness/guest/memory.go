package guest

import (
	"errors"
	"fmt"
	"os"

	"github.com/iomapcheck/iomapcheck/harness/exec"
	"github.com/iomapcheck/iomapcheck/harness/pressure"
	"github.com/iomapcheck/iomapcheck/harness/prog"
)

// taskMemory is the memory cgroup of a program's tasks; group is nil for a program that limits nothing.
type taskMemory struct{ group *pressure.Group }

// memoryFor makes the cgroup if the program needs one.
func memoryFor(p prog.Program) (taskMemory, error) {
	if !p.LimitsMemory() {
		return taskMemory{}, nil
	}
	g, err := pressure.New("tasks")
	var unavailable *pressure.UnavailableError
	if errors.As(err, &unavailable) {
		return taskMemory{}, &unsupportedError{Reason: unavailable.Error()}
	}
	return taskMemory{g}, err
}

// env is the group as the interpreter takes it.
func (m taskMemory) env() exec.Memory {
	if m.group == nil {
		return nil
	}
	return m.group
}

// close removes the group. A task that hangs keeps it; then the guest is not used again.
func (m taskMemory) close() {
	if m.group == nil {
		return
	}
	if err := m.group.Close(); err != nil {
		fmt.Fprintln(os.Stderr, "iomapcheck guest:", err)
	}
}
