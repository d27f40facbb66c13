// Package host runs programs on the kernel of this machine: as a helper in an xfstests tree, or for who has booted the kernel that is to be
// tried. It needs root's rights.
//
// Programs run on one of two grounds:
//
//	folder   below a folder of a file system that is mounted: nothing is held, refused or cut there, and it is unmounted
//	         only where the owner says how
//	drive    on a file system made anew for each program, on the programmable disk that harness/attach makes a block device of
//	         this kernel; what a program leaves can be put on a block device of the machine
//
// A kernel that runs is one's own: nothing is touched but the folder, or the device, and what no program can do without: the caches are
// dropped, and a line is written to the kernel's log as a program begins. Where the kernel has no tracefs, or no kprobes, or no memory cgroups, programs run
// with less: a witness that nobody can see is missing, and the case is unexercised or unsupported, never ok.
//
// One program runs at a time: dropped caches and the machine's idleness are everybody's.
package host
