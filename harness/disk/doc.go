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
//	qemu-img bench, MB/s     this disk   raw file in tmpfs   qemu-nbd on that file
//	BENCH
//
// (BenchmarkQEMUAgainstFile; the best of three, on two cores of an EPYC under other load.) In a guest that QEMU emulates,
// Debian's 6.12 with one processor and O_DIRECT, one request at a time, the difference is small:
//
//	guest, MB/s              this disk   raw file in tmpfs   ratio
//	GUEST
package disk
