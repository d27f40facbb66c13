package quota

import "golang.org/x/sys/unix"

// Obey takes CAP_SYS_RESOURCE from the calling thread, which file systems take for leave to exceed a quota. The caller has locked itself to
// the thread; other threads keep theirs.
func Obey() error {
	head := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var sets [2]unix.CapUserData // version 3 has 64 bits
	if err := unix.Capget(&head, &sets[0]); err != nil {
		return err
	}
	sets[0].Effective &^= 1 << unix.CAP_SYS_RESOURCE
	return unix.Capset(&head, &sets[0])
}
