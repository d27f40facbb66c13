package exec

import (
	"errors"

	"github.com/iomapcheck/iomapcheck/harness/pressure"
	"github.com/iomapcheck/iomapcheck/harness/prog"
)

// TaskMemory is the memory cgroup of a program's tasks; of a program that limits nothing it has none.
type TaskMemory struct{ group *pressure.Group }

// LimitedMemory makes a cgroup of that name if the program needs one. An *UnsupportedError says that there can be none here. Close removes it.
func LimitedMemory(p prog.Program, name string) (TaskMemory, error) {
	if !p.LimitsMemory() {
		return TaskMemory{}, nil
	}
	g, err := pressure.New(name)
	var unavailable *pressure.UnavailableError
	if errors.As(err, &unavailable) {
		return TaskMemory{}, &UnsupportedError{Why: unavailable.Error()}
	}
	return TaskMemory{g}, err
}

// Env is the group as Env.Memory takes it.
func (m TaskMemory) Env() Memory {
	if m.group == nil {
		return nil
	}
	return m.group
}

// Close removes the group. A task that hangs keeps it: then it is an error.
func (m TaskMemory) Close() error {
	if m.group == nil {
		return nil
	}
	return m.group.Close()
}
