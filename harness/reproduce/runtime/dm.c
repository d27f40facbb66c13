/*
 * The disk's controls are device-mapper's. What is held is delayed by dm-delay, for ten minutes; reads, writes and flushes apart. To let it
 * go the table is exchanged: the suspend that belongs to that carries out at once what is delayed (delay_presuspend), and nothing is frozen
 * or written back on the way (--nolockfs --noflush). What is to fail goes to a second device, which is all errors. How many requests are
 * held dm-delay tells in its status; they are not yet in /sys/block/dm-N/inflight.
 *
 * A file range is that part of the device where FIEMAP says that it is. Where it has no place of its own yet (not allocated, shared,
 * compressed, or a file system that never writes in place) everything on the device is held: then the file system's own requests are
 * held and counted as well.
 */
static char dm[40], errors[30];
static long sectors;

#define QUIETLY "--noudevsync --noudevrules"

static void dm_remove(void)
{
	command("dmsetup remove " QUIETLY " --retry %s", dm);
	if (FAILS_REQUESTS)
		command("dmsetup remove " QUIETLY " --retry %s-error", dm);
}

/* The node that the kernel itself has made for a device-mapper device, with or without udev. */
static int find_node(char *node, size_t room, const char *name)
{
	char path[60], line[200];

	for (int i = 0; i < 1000; i++) {
		snprintf(path, sizeof(path), "/sys/block/dm-%d/dm/name", i);
		FILE *f = fopen(path, "r");
		int is = f && fgets(line, sizeof(line), f) && !strcmp(strtok(line, "\n"), name);
		if (f)
			fclose(f);
		snprintf(node, room, "/dev/dm-%d", i);
		if (is)
			return !access(node, F_OK);
	}
	return 0;
}

static void dm_create(void)
{
	char name[60];

	uint64_t bytes = 0;
	int fd = open(device, O_RDONLY);

	if (fd < 0 || ioctl(fd, BLKGETSIZE64, &bytes) < 0) {
		fprintf(stderr, "%s: %s\n", device, strerror(errno));
		exit(2);
	}
	close(fd);
	sectors = bytes / 512;
	snprintf(dm, sizeof(dm), "repro-%d", getpid());
	if ((FAILS_REQUESTS && command("dmsetup create " QUIETLY " %s-error --table '0 %ld error'", dm, sectors)) ||
	    command("dmsetup create " QUIETLY " %s --table '0 %ld linear %s 0'", dm, sectors, device)) {
		fprintf(stderr, "dmsetup cannot make a device on %s (it comes with lvm2 or dmsetup; the kernel needs dm-mod and dm-delay)\n", device);
		exit(2);
	}
	snprintf(name, sizeof(name), "%s-error", dm);
	if (!find_node(mounted, sizeof(mounted), dm) || (FAILS_REQUESTS && !find_node(errors, sizeof(errors), name))) {
		fprintf(stderr, "the device that dmsetup has made, %s, is not there\n", dm);
		dm_remove();
		exit(2);
	}
}

static int by_number(const void *a, const void *b)
{
	long x = *(const long *)a, y = *(const long *)b;
	return (x > y) - (x < y);
}

/* What of the rules holds for a piece of the device. */
static struct rule rule_at(long from)
{
	struct rule all = { 0 };

	for (int i = 0; i < S->nrules; i++) {
		struct rule *r = &S->rules[i];
		if (from < r->from || from >= r->end)
			continue;
		all.fails |= r->fails;
		all.reads |= r->reads;
		all.writes |= r->writes;
		all.flushes |= r->flushes;
	}
	return all;
}

/* Loads the table of the rules, and puts it in place of the other one. */
static int dm_load(void)
{
	long cuts[40] = { 0, sectors };
	int n = 2;
	char line[100];

	for (int i = 0; i < S->nrules; i++) {
		cuts[n++] = S->rules[i].from;
		cuts[n++] = S->rules[i].end;
	}
	qsort(cuts, n, sizeof(cuts[0]), by_number);
	snprintf(line, sizeof(line), "dmsetup reload %s", dm);
	FILE *table = popen(line, "w");
	for (int i = 0; table && i + 1 < n; i++) {
		long from = cuts[i];
		struct rule r = rule_at(from);
		if (cuts[i + 1] == from)
			continue;
		fprintf(table, "%ld %ld ", from, cuts[i + 1] - from);
		if (r.fails)
			fprintf(table, "delay %s %ld 0 %s %ld 0 %s %ld 0\n", r.reads ? errors : device, from, r.writes ? errors : device, from, device, from);
		else if (r.reads || r.writes || r.flushes)
			fprintf(table, "delay %s %ld %d %s %ld %d %s %ld %d\n", device, from, r.reads * HOLD * 1000, device, from, r.writes * HOLD * 1000, device,
				from, r.flushes * HOLD * 1000);
		else
			fprintf(table, "linear %s %ld\n", device, from);
	}
	return table && !pclose(table) && !command("dmsetup suspend --nolockfs --noflush " QUIETLY " %s", dm) && !command("dmsetup resume --nolockfs --noflush " QUIETLY " %s", dm);
}

/* How many requests are held. */
static int held_now(void)
{
	char line[200];
	int held = 0, reads, writes, flushes;

	snprintf(line, sizeof(line), "dmsetup status %s", dm);
	FILE *status = popen(line, "r");
	while (status && fgets(line, sizeof(line), status))
		if (sscanf(line, "%*d %*d delay %d %d %d", &reads, &writes, &flushes) == 3)
			held += reads + writes + flushes;
	if (status)
		pclose(status);
	return held;
}

/* Notes where a file range is on the device, as rules; 0 if it has no place of its own. */
static int find_range(const struct op *o, struct rule r)
{
	enum { ROOM = 8, ELSEWHERE = FIEMAP_EXTENT_UNKNOWN | FIEMAP_EXTENT_DELALLOC | FIEMAP_EXTENT_ENCODED | FIEMAP_EXTENT_NOT_ALIGNED | FIEMAP_EXTENT_DATA_INLINE | FIEMAP_EXTENT_SHARED };
	union { struct fiemap map; char room[sizeof(struct fiemap) + ROOM * sizeof(struct fiemap_extent)]; } m = { .map = { .fm_start = o->off, .fm_length = o->len, .fm_extent_count = ROOM } };
	struct statfs fs;
	char path[4096];
	long at = o->off, end = o->off + o->len, found = S->nrules;

	path_of(path, sizeof(path), o->file);
	int fd = open(path, O_RDONLY), ok = fd >= 0 && !fstatfs(fd, &fs) && !ioctl(fd, FS_IOC_FIEMAP, &m.map);
	if (fd >= 0)
		close(fd);
	if (!ok || (fs.f_type != 0x58465342 && fs.f_type != 0xef53 && fs.f_type != 0x01161970)) /* xfs, ext4, gfs2 */
		return 0;
	for (unsigned i = 0; i < m.map.fm_mapped_extents && at < end; i++) {
		struct fiemap_extent *e = &m.map.fm_extents[i];
		long from = e->fe_logical, to = e->fe_logical + e->fe_length, shift = (long)e->fe_physical - (long)e->fe_logical;
		if (from > at || (e->fe_flags & ELSEWHERE) || found == 16)
			return 0;
		r.from = (at + shift) / 512;
		r.end = round_up((to < end ? to : end) + shift, 512) / 512;
		S->rules[found++] = r;
		at = to;
	}
	if (at < end)
		return 0;
	for (int i = S->nrules; i < found; i++)
		say("    %s: sectors [%ld, %ld) of the device", o->file, S->rules[i].from, S->rules[i].end);
	S->nrules = found;
	return 1;
}

/* Sets a rule: requests of these kinds, of the operation's file range or of all of the device, are held from now on, or fail. */
static void set_rule(struct task *t, int n, struct rule r)
{
	begin(t, n);
	if (!ops[n].file || !find_range(&ops[n], r)) {
		if (ops[n].file && r.fails) {
			missed(n, "the file range has no place of its own on the device yet");
			stop(t);
		}
		if (ops[n].file)
			say("    %s: the range has no place of its own on the device: all of it is meant", ops[n].file);
		r.from = 0;
		r.end = sectors;
		S->rules[S->nrules++] = r;
	}
	if (!dm_load()) {
		missed(n, "dmsetup failed");
		stop(t);
	}
}

/* Makes the disk an honest one. */
static void heal(void)
{
	if (!S->nrules)
		return;
	S->nrules = 0;
	if (!dm_load())
		say("dmsetup failed to end what the program began");
}
