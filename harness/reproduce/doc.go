// Package reproduce writes programs out for people who do not have iomapcheck: as one C file that needs nothing but libc and the kernel, and
// as a shell script of xfs_io commands.
//
// The C file is put together from the parts in runtime, each of which is there only where the program needs it, and from what is generated: a
// table of the operations with what they may return, and a function for each task. A task is a process, or a thread, exactly where harness/exec
// has it so. The disk's controls become device-mapper's (dm-delay, and a device of errors), worked by dmsetup.
//
// What cannot be said faithfully is refused with a *RefusedError, and never written in another way: whoever runs a reproducer takes it at its
// word.
package reproduce
