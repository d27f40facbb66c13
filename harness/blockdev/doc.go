// Package blockdev works on a block device of the kernel that this process runs on: it makes a file system there, mounts it, and waits for the
// device to settle. A guest does that to its disk, and the host target to the one that it attaches.
package blockdev
