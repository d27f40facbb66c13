package qemu

import "context"

// Park stops a machine while requests may be under way that a disk's server keeps: QEMU's own stop waits for them. answer has the server answer
// each of them ENOSPC, and every other from then on that would change the disk. Those the disk asks for again once the machine runs
// again: it, and every copy of it (Freeze), and every clone (Save).
func (vm *VM) Park(ctx context.Context, answer func() error) error {
	vm.setParked()
	err := answer()
	if err == nil {
		err = vm.endedBy(vm.QMP(ctx, "stop", nil, nil))
	}
	if err != nil {
		return &InfraError{Op: "park machine", Err: err}
	}
	return nil
}

func (vm *VM) setParked() {
	vm.mu.Lock()
	defer vm.mu.Unlock()
	vm.parked = true
}

func (vm *VM) isParked() bool {
	vm.mu.Lock()
	defer vm.mu.Unlock()
	return vm.parked
}
