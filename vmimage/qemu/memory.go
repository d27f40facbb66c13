package qemu

import (
	"fmt"
	"os"
)

// Memory is a file that holds a guest's memory.
type Memory struct {
	// File has exactly the memory's size, sparse. Start closes it, as it does the sockets of devices; the machine keeps the file, also when it
	// has no name any more. The descriptor may be one for reading, but the caller's rights must allow to write.
	File *os.File

	// Private gives the machine its own copy of what it changes, page by page; the file stays as it is. Otherwise the machine changes the
	// file.
	Private bool
}

// machine is what -machine says of the memory.
func (m *Memory) machine() string {
	if m == nil {
		return ""
	}
	return ",memory-backend=ram"
}

// args opens the file anew by its descriptor: a name could be another file's by then.
func (m *Memory) args(fds *FDs, sizeMiB int) []string {
	if m == nil {
		return nil
	}
	share := "on"
	if m.Private {
		share = "off"
	}
	return []string{"-object", fmt.Sprintf("memory-backend-file,id=ram,size=%dM,mem-path=/proc/self/fd/%s,share=%s", sizeMiB, fds.Pass(m.File), share)}
}

// cloneArgs stand in for kernelArgs in a clone. The kernel and the initramfs are in its memory already, so they are not read again; but
// the firmware extension that QEMU adds on behalf of -kernel must be there, because a snapshot names it (hw/i386/x86.c, x86_load_linux).
func (c *Config) cloneArgs() []string {
	args := []string{"-incoming", "defer"}
	switch {
	case c.Vmlinux != "" && c.Binary.Qboot:
		return append(args, "-bios", "qboot.rom", "-option-rom", "pvh.bin")
	case c.Image != "":
		return append(args, "-option-rom", "linuxboot_dma.bin")
	}
	return args
}

// Identity says what a snapshot of the machine depends on: QEMU, the command line that boots it, and how its devices are put together.
// Sockets of devices may be nil for it. What the files named in it contain is not in it.
func (c Config) Identity() []string {
	c.setDefaults()
	c.Memory, c.Clone, c.clock = nil, false, nil
	var fds FDs
	return append([]string{c.Binary.Path, c.Binary.Version}, c.args(&fds, c.Devices)...)
}
