// Package disk is the programmable disk: a block device in memory, served over NBD, whose requests a program can hold, release,
// fail, delay and record, and whose power it can cut.
//
// Races on kernels are arranged by holding requests: while a write is held, the kernel that sent it waits in the middle of
// whatever it was doing. QEMU attaches the disk with its nbd block driver, so that any guest kernel will do; Linux attaches it
// as /dev/nbdN.
//
//	client ──NBD──▶ arrive ──▶ hold? delay? ──no──▶ carry out: fail? lose? stale? ──▶ answer
//	                               │ yes                 ▲
//	                               └──▶ kept ──release───┘
//
// # Order
//
// Requests arrive in the order in which they stand on their connection. One that nothing keeps is carried out, entirely, before
// the next arrives; so requests are atomic to each other. Release carries out what it releases in the order of the choice,
// before it returns. The event of an answer is recorded before the answer leaves, so that what the answer causes comes later
// in the record. There is no CAN_MULTI_CONN, but several connections work, each with its own requests.
//
// # Locks
//
// Disk.mu protects everything of a disk, the bytes included. Nothing waits for a client under it: answers leave from the
// connection's reader, or from its queue for what was kept. Held requests and clients that take no answers stop nobody else.
//
// # What is not there
//
// Structured replies, TLS, BLOCK_STATUS, RESIZE and CACHE; a client that asks for them is told so and goes on without. TRIM and
// WRITE_ZEROES make the range read as zeroes and give memory back, NO_HOLE or not: what the flag is for, a later write that
// cannot fail for want of space, holds anyway.
//
// # Speed
//
// What a request of 4 KiB costs without its socket, rules looked at, events recorded and bytes copied: 0.23 µs for a read, 0.34 µs
// for a write, no allocation. Through a unix socket, on the same two cores as QEMU 7.2, the socket and the two processes' waking
// each other are what counts:
//
//	qemu-img bench, MB/s          this disk   qemu-nbd   raw file   disk/file
//	read  64 KiB, 1 at a time          946        781       2613       0.36
//	read  64 KiB, 16 at a time        3430       1504       6354       0.54
//	read   1 MiB, 4 at a time         6136       1254      15450       0.40
//	read   4 KiB, 1 at a time           88         64        159       0.56
//	read   4 KiB, 16 at a time         392        236        529       0.74
//	write 64 KiB, 1 at a time         1680        704       3409       0.49
//	write 64 KiB, 16 at a time        2319       1917       5041       0.46
//	write  1 MiB, 4 at a time         4330       1559       8134       0.53
//	write  4 KiB, 1 at a time           83         53        154       0.54
//	write  4 KiB, 16 at a time         496        228        539       0.92
//
// (BenchmarkQEMUAgainstFile, the best of three, two cores of an EPYC with other load, file in tmpfs; qemu-nbd serves that file.
// One at a time, a run may be twice as fast or slow as the next, as the kernel places the two processes.) So QEMU's own file
// driver, which has no second process to wake, stays ahead of any NBD server. What counts is what a guest sees. With Debian's
// 6.12 under TCG, one processor, O_DIRECT on the virtio-blk disk, one request at a time, medians of six:
//
//	guest, MB/s       this disk   raw file   ratio
//	read   4 KiB        15.5        18       0.86
//	read  64 KiB         212       257       0.82
//	read   1 MiB        1516      1726       0.88
//	write  4 KiB        15.5      18.5       0.84
//	write 64 KiB         222       267       0.83
//	write  1 MiB        1170      1758       0.67
package disk
