// Package vm runs programs on real kernels in QEMU virtual machines.
//
// A machine boots once and then takes job after job: each gets a new disk content, a new file system, a new trace. The disk is
// the programmable disk of this process, which QEMU reaches over a socket pair. A machine is thrown away after a crash, a
// hang, or a file system that could not be unmounted.
package vm
