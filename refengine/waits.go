package refengine

import "github.com/iomapcheck/iomapcheck/refengine/sched"

// WaitingIn names, innermost first, the kernel functions in which a stack of the waiting task would show it, and what it waits for:
// "folio_wait_bit_common", "folio_wait_writeback", "folio writeback 3". It is empty for a task that does not wait.
func (m *Machine) WaitingIn(other *sched.Task) []string {
	op, blocked := other.Blocked()
	if !blocked {
		return nil
	}
	label := m.s.Label(op.Obj)
	names := sleepers(label.Class)
	if op.Kind != sched.OpLock && op.Kind != sched.OpRLock && op.Name != label.Class {
		names = append(names, op.Name)
	}
	if label.Class != "" {
		names = append(names, label.Short())
	}
	return names
}

// sleepers are the functions in which a kernel sleeps for an object of the class. Those of a semaphore never show: stacks leave
// out the scheduler's own.
func sleepers(class string) []string {
	switch class {
	case "folio lock":
		return []string{"folio_wait_bit_common", "__folio_lock"}
	case "folio writeback":
		return []string{"folio_wait_bit_common"}
	case "aio":
		return []string{"read_events"}
	case "io_uring":
		return []string{"io_cqring_wait"}
	case "glock":
		return []string{"gfs2_glock_wait"}
	case "dax page":
		return []string{"xfs_wait_dax_page", "ext4_wait_dax_page"}
	case "pagecache lock":
		return []string{"__bch2_two_state_lock"}
	case "ilock":
		return []string{"xfs_ilock"}
	}
	return nil
}
