/*
 * Written by iomapcheck.
 *
 *     gcc -O2 -Wall -pthread -o repro repro.c
 *     ./repro --device /dev/X --mount DIR --mkfs "mkfs.xfs -f"     as root; what is on the device is lost
 *
 * Each operation prints what it returned, and what was read as runs of fills. At the end it says "BUG: ..." and exits with 1 where an
 * operation returned what it must not or the ways to read a file do not agree, "good" and 0, or with 2 that the situation could not be
 * arranged, in which case nothing is shown.
 *
 * case        coherence/ */of a comment
 * must hold   what must hold what must hold what must hold what must hold what must hold
 *             what must hold what must hold what must hold
 * seen        what was seen
 * kernel      6.12.117
 * fs          xfs
 * made by     mkfs.xfs -f
 * mounted     dax=never
 * files       jdata
 *
 * The program, as iomapcheck has it:
 *
 *     write f 0 64k o
 *     fsync f
 *     drop-caches
 *     hold writes f 0 64k
 *     go writer {
 *       direct-write f 0 64k n dsync @dio
 *       repeat 3 {
 *         aio-read f 0 4k as r
 *         reap r = n
 *       }
 *     }
 *     await held 1
 *     await blocked writer in submit_bio_wait|__iomap_dio_rw
 *     read f 0 64k ? o|n|. may-block not-before go @refill
 *     release @go
 *     join writer
 *     remount
 *     read f 0 8k = n:4k,o:4k returns 4k|8k may-fail EIO before 5 later writer
 *     never iomapcheck:dio_warn_stale_pagecache
 *     witness held-while refill
 *     witness event iomap:iomap_dio_rw_begin times 2
 */
enum { NOPS = 16, NTASKS = 3, NFILES = 1, NEVENTS = 2 };

/* The tasks; those that are called after an operation are it alone. */
enum { T_main, T_writer, OP_11 };

/* runtime/head.c */

/* The program's files, and how far it touches them. */
static const struct { const char *name; long extent; } files[NFILES] = {
	{ "f", 65536 },
};

/* Kernel events: w for evidence of the situation, e for what has to happen so often, n for what must not. */
static const struct { char rule; const char *name; long least; } events[NEVENTS] = {
	{ 'w', "iomap:iomap_dio_rw_begin", 2 },
	{ 'n', "iomapcheck:dio_warn_stale_pagecache", 0 },
};

#define FAILS_REQUESTS 0
#define LATE 1
#define GIVE_ATTRIBUTE(fd) give_attribute(fd, FS_JOURNAL_DATA_FL)
#define HELD_NOW() held_now()
#define HEAL() heal()
#define WATCH_EVENTS() watch_events()
#define COUNT_EVENTS() count_events(), end_events()
#define EVENT_OF(t, o) ((void)(o), aio_event(t))

static int held_now(void);
static void dm_create(void);
static void dm_remove(void);
#define DM_SET_UP() dm_create()
#define DM_TEAR_DOWN() dm_remove()
#define TYPE "xfs"
#define OPTIONS "dax=never"

/* runtime/fill.c */

/* runtime/set_attribute.c */

/* runtime/files.c */

/* runtime/check.c */

/* runtime/tasks.c */

/* runtime/blocked.c */

/* runtime/device.c */

/* runtime/dm.c */

/* runtime/pieces.c */

/* runtime/write.c */

/* runtime/read.c */

/* runtime/aio.c */

/* runtime/reap.c */

/* runtime/fsync.c */

/* runtime/drop_caches.c */

/* runtime/remount.c */

/* runtime/await_held.c */

/* runtime/release.c */

/* runtime/await_blocked.c */

/* runtime/may_block.c */

/* runtime/events.c */

/* runtime/final_remount.c */

/* runtime/final.c */

/* runtime/main.c */

/* The program: every operation by its number, with what it may return. */
static const struct op ops[NOPS] = {
	[0] = { .text = "write f 0 64k o", .task = T_main, .owner = T_main, .call = do_write, .file = "f", .off = 0, .len = 65536, .fill = 'o', .writes = 1, .counted = 1 },
	[1] = { .text = "fsync f", .task = T_main, .owner = T_main, .call = do_fsync, .file = "f", .off = 0, .len = 0 },
	[2] = { .text = "drop-caches" },
	[3] = { .text = "hold writes f 0 64k", .file = "f", .off = 0, .len = 65536 },
	[4] = { .text = "go writer" },
	[5] = { .text = "direct-write f 0 64k n dsync @dio", .task = T_writer, .owner = T_writer, .call = do_write, .file = "f", .off = 0, .len = 65536, .fill = 'n', .writes = 1, .flags = O_DIRECT | O_DSYNC, .counted = 1 },
	[6] = { .text = "repeat 3" },
	[7] = { .text = "aio-read f 0 4k as r", .task = T_writer, .owner = T_writer, .call = do_aio, .file = "f", .off = 0, .len = 4096, .request = 0, .reads = 1, .submits = 1, .flags = O_DIRECT },
	[8] = { .text = "reap r = n", .task = T_writer, .owner = T_writer, .call = do_reap, .len = 0, .request = 0, .reaps = 1, .counted = 1, .want = "n" },
	[9] = { .text = "await held 1" },
	[10] = { .text = "await blocked writer in submit_bio_wait|__iomap_dio_rw" },
	[11] = { .text = "read f 0 64k ? o|n|. may-block not-before go @refill", .task = OP_11, .owner = T_main, .call = do_read, .file = "f", .off = 0, .len = 65536, .reads = 1, .counted = 1, .oneof = "on.", .not_before = 12, .held_while = 1 },
	[12] = { .text = "release @go" },
	[13] = { .text = "join writer" },
	[14] = { .text = "remount" },
	[15] = { .text = "read f 0 8k = n:4k,o:4k returns 4k|8k may-fail EIO before 5 later writer", .task = T_main, .owner = T_main, .call = do_read, .file = "f", .off = 0, .len = 8192, .reads = 1, .counted = 1, .want = "n:4096,o:4096", .ncounts = 2, .counts = { 4096, 8192 }, .errnos = { EIO }, .before = 5, .before_task = T_writer },
};

static void task_main(struct task *t)
{
	run(t, 0);                                   /* write f 0 64k o */
	run(t, 1);                                   /* fsync f */
	drop_caches(t, 2);                           /* drop-caches */
	set_rule(t, 3, (struct rule){ .writes = 1 }); /* hold writes f 0 64k */
	go(t, 4, T_writer);                          /* go writer */
	await_held(t, 9, 1);                         /* await held 1 */
	await_blocked(t, 10, T_writer, "submit_bio_wait|__iomap_dio_rw"); /* await blocked writer in submit_bio_wait|__iomap_dio_rw */
	may_block(OP_11);                            /* read f 0 64k ? o|n|. may-block not-before go @refill */
	release(t, 12);                              /* release @go */
	join(t, 13, T_writer);                       /* join writer */
	remount(t, 14);                              /* remount */
	run(t, 15);                                  /* read f 0 8k = n:4k,o:4k returns 4k|8k may-fail EIO before 5 later writer */
}

static void task_writer(struct task *t)
{
	run(t, 5);                                   /* direct-write f 0 64k n dsync @dio */
	t->quiet++; /* repeat 3 */
	for (int i1 = 0; i1 < 3; i1++) {
		run(t, 7);                                   /* aio-read f 0 4k as r */
		run(t, 8);                                   /* reap r = n */
	}
	t->quiet--;
}

static void only_11(struct task *t)
{
	run(t, 11);
}

static const struct who tasks[NTASKS] = {
	[T_main] = { "main", task_main, -1 },
	[T_writer] = { "writer", task_writer, -1 },
	[OP_11] = { "op 11", only_11, -1 },
};
