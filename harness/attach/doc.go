// Package attach makes a programmable disk a block device of the kernel that this process runs on, as a virtual machine's disk is one of
// its guest's. It needs root's rights, and one of two ways into the kernel:
//
//	nbd         /dev/nbdN speaks NBD with the disk over a socket pair
//	loop, fuse  /dev/loopN stands on a file that FUSE serves; what it is asked is passed on to the disk as NBD
//
//	             ┌ /dev/nbdN ───────── NBD ──────────┐
//	file system ─┤                                   ├─ disk.Disk
//	             └ /dev/loopN ─ file ─ FUSE ─ bridge ┘
//
// The second is for kernels without nbd: loop and FUSE are in almost every one. Requests come through one by one and side by side in both,
// but behind a flush that is held nothing gets through a loop device (loop_process_work carries them out in order).
//
// The device ends with the process that attached it: the kernel then fails what it is asked.
package attach
