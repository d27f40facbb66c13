#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <linux/aio_abi.h>
#include <linux/fiemap.h>
#include <linux/fs.h>
#include <linux/io_uring.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <sys/vfs.h>
#include <sys/wait.h>

/* No wait is without end. In seconds: for a situation to come about, for the whole program, and for what the disk holds. */
enum { BOUND = 60, RUN_BOUND = 300, HOLD = 600 };

enum { PAGE = 4096, KEPT = 32 };

/* The errno that stands for a mapped access which ended in the signal. */
enum { SIGBUS_ERRNO = 1001, SIGSEGV_ERRNO = 1002 };

/* A task has its own descriptors and mappings, and is a process of its own unless it shares another one's address space. */
struct task {
	int id;
	struct { const char *file; int flags, fd, err; } fds[KEPT];
	struct { const char *file; unsigned char *at; long len; int err; } maps[KEPT];
	struct { const char *file; long off, len; int pipe[2]; } pins[KEPT];
	int nfds, nmaps, npins;
	struct request { int op, done; long res; struct iocb cb; struct buffer *buf; } requests[64];
	aio_context_t aio;
	struct { int fd; struct io_uring_params p; char *sq, *cq; struct io_uring_sqe *sqes; } ring;
	int ballast;
	int quiet; /* in a loop */
};

struct buffer {
	unsigned char *at;
	long len, usable;
	int own; /* made for the operation, not a mapping of a file */
	int err; /* there is none */
};

struct result {
	long n;
	int err;
	struct buffer *data; /* what was read; its first byte is that of the file's position at */
	long at;
};

/* An operation of the program, with what it may return. Those that the program itself carries out have only a text. */
struct op {
	const char *text;
	int task; /* who carries it out */
	int owner; /* whose operation it is: another task's, where it may block */
	struct result (*call)(struct task *t, const struct op *o, struct buffer *b);
	const char *file;
	long off, len;
	char fill;
	int writes, reads; /* whether it needs a buffer */
	int flags; /* of open(2), beside O_RDWR */
	int nowait, vectored, maps;
	const char *via; /* its buffer is the mapping of that file */
	long via_off;
	int guarded; /* the buffer can be touched up to usable only */
	long usable;
	const char *to;
	long to_off;
	unsigned mode;
	int request; /* which of the task's requests it submits or reaps */
	int submits, reaps;
	int counted, optional; /* its success is a count; a file system may lack it, 2: and says so with EINVAL, too */
	/* What is expected. */
	const char *want; /* the content: fills with their lengths, or one fill for all */
	const char *oneof; /* every byte is of one of these fills */
	int ncounts;
	long counts[32];
	int errnos[16], must_fail;
	int not_before; /* the operation that must have begun before this one returns */
	long before; /* so many later operations of before_task must not return before it */
	int before_task;
	int held_while, asleep; /* the evidence asked for: a request is held all the while; it is seen asleep, below in */
	const char *in;
};

struct rule { int reads, writes, flushes, fails; long from, end; }; /* in sectors */

struct slot {
	int pid, tid;
	int prepare, ready, go, ended; /* each is set once */
	int op; /* the operation the task is in, -1 for none */
	long invoked, returned;
};

/* What all processes share. */
static struct shared {
	struct slot task[NTASKS + 1]; /* the last one reads the files at the end */
	int begun[NOPS], held[NOPS], asleep[NOPS];
	int has_bug, has_missed;
	int said_eio; /* an operation failed with EIO: the kernel has said that data, or the page cache, are not what they should be */
	char bug[1000], missed[1000];
	struct rule rules[16];
	int nrules;
} *S;

static const struct op ops[NOPS];
static const struct who {
	const char *name;
	void (*body)(struct task *t);
	int thread_of; /* the task whose process it is in, -1 for one of its own */
} tasks[NTASKS];

static const char *dir; /* where the program's files are */

#define GET(x) __atomic_load_n(&(x), __ATOMIC_SEQ_CST)
#define SET(x, v) __atomic_store_n(&(x), v, __ATOMIC_SEQ_CST)
#define ADD(x) __atomic_add_fetch(&(x), 1, __ATOMIC_SEQ_CST)

/* Prints a line at once, so that those of several processes do not mix. */
__attribute__((format(printf, 1, 2))) static void say(const char *fmt, ...)
{
	char line[1400];
	va_list args;

	va_start(args, fmt);
	int n = vsnprintf(line, sizeof(line) - 1, fmt, args);
	va_end(args);
	if (n > (int)sizeof(line) - 2)
		n = sizeof(line) - 2;
	line[n] = '\n';
	if (write(1, line, n + 1) < 0)
		_exit(2);
}

/* Fills in a line about an operation, or about the program where n is negative. */
__attribute__((format(printf, 3, 0))) static void about(char line[1000], int n, const char *fmt, va_list args)
{
	char what[900];

	vsnprintf(what, sizeof(what), fmt, args);
	if (n < 0)
		snprintf(line, 1000, "%s", what);
	else
		snprintf(line, 1000, "op %d: %.200s: %.700s", n, ops[n].text, what);
}

/* Notes what is wrong with the kernel; the first one is the verdict. */
__attribute__((format(printf, 2, 3))) static void bug(int n, const char *fmt, ...)
{
	char line[1000];
	va_list args;

	va_start(args, fmt);
	about(line, n, fmt, args);
	va_end(args);
	say("  !! %s", line);
	if (ADD(S->has_bug) == 1)
		strcpy(S->bug, line);
}

/* Notes why the situation did not come about; the first one counts, and only where nothing is wrong. */
__attribute__((format(printf, 2, 3))) static void missed(int n, const char *fmt, ...)
{
	char line[1000];
	va_list args;

	va_start(args, fmt);
	about(line, n, fmt, args);
	va_end(args);
	say("  -- %s", line);
	if (ADD(S->has_missed) == 1)
		strcpy(S->missed, line);
}

static inline void rest(int ms)
{
	struct timespec t = { ms / 1000, ms % 1000 * 1000000L };
	nanosleep(&t, NULL);
}

static inline double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

static inline long round_up(long n, long to)
{
	return (n + to - 1) / to * to;
}

static inline void path_of(char *path, size_t room, const char *file)
{
	snprintf(path, room, "%s/%s", dir, file);
}

static struct result failed(int err)
{
	return (struct result){ .err = err };
}

static struct result returned(long n)
{
	return n < 0 ? failed(errno) : (struct result){ .n = n };
}
