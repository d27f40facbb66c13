// Package vm runs programs on real kernels in QEMU virtual machines, each on a kernel that nothing else has run on.
//
// A machine is booted once for a kernel, an image and a shape, and stopped as soon as its guest has greeted; from that snapshot another one
// is made for each file system and variant, in which it is made, mounted and traced, and processes wait for a program's tasks. Both are kept
// in the cache (vmimage/snapshot), so that all this is done once and for all runs:
//
//	boot ── booted ─┬─ mkfs, mount, trace ── prepared xfs ─┬─ clone: a program, its final reads, killed
//	                │                                      └─ clone: another program …
//	                └─ mkfs, mount, trace ── prepared ext4 ── …
//
// A clone takes the snapshot's memory privately, gets a disk with the contents that belong to it, the right time and random numbers
// of its own, runs one job and is killed. A pool has the next one waiting, loaded and stopped, while a job runs. The disk is the programmable disk
// of this process, which QEMU reaches over a socket pair.
//
// Under emulation the clones of a level that is wanted often are copies of one that has run before (warm.go), and programs that begin alike
// are copies of a machine that has begun them (branch.go): in the middle of them, with tasks asleep in the kernel and requests that the
// disk holds.
//
// A shell can have a snapshot too, of the state to which its command was brought (station.go); disks that are files (files.go) are in it with what
// was written to them.
//
// What a preparation shows of the kernel is never hidden in a snapshot: when mkfs or mount are refused, fail, or make the kernel complain, the
// job that wanted them goes on with the machine in which that happened, and no snapshot is made.
//
// Where there can be no snapshots (a shape whose devices QEMU cannot save, a debugger, Config.Cold), and where they fail for a fault of
// ours, which is reported, a machine boots and takes job after job, each with a new disk, file system and trace; it is thrown away after a
// crash, a hang, or a file system that could not be unmounted. After three failures no more snapshots are tried.
package vm
