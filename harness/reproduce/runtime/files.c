/* A task opens and maps all that it uses before it begins. What the kernel refuses is the error of the operations that need it. */
static int open_file(struct task *t, const char *file, int flags)
{
	char path[4096];
	int i;

	for (i = 0; i < t->nfds; i++)
		if (!strcmp(t->fds[i].file, file) && t->fds[i].flags == flags)
			return i;
	if (i == KEPT) {
		fprintf(stderr, "too many files\n");
		_exit(2);
	}
	path_of(path, sizeof(path), file);
	t->fds[i].file = file;
	t->fds[i].flags = flags;
	t->fds[i].fd = open(path, O_RDWR | O_CLOEXEC | flags);
	t->fds[i].err = t->fds[i].fd < 0 ? errno : 0;
	t->nfds++;
	return i;
}

/* The whole of what the program touches is mapped, also past the end of the file. */
static int map_file(struct task *t, const char *file)
{
	int i, f = open_file(t, file, 0);
	long len = 0;

	for (i = 0; i < t->nmaps; i++)
		if (!strcmp(t->maps[i].file, file))
			return i;
	for (int k = 0; k < NFILES; k++)
		if (!strcmp(files[k].name, file))
			len = round_up(files[k].extent, PAGE);
	t->maps[i].file = file;
	t->maps[i].len = len;
	t->maps[i].err = t->fds[f].err;
	if (!t->maps[i].err) {
		t->maps[i].at = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED, t->fds[f].fd, 0);
		t->maps[i].err = t->maps[i].at == MAP_FAILED ? errno : 0;
	}
	t->nmaps++;
	return i;
}

static void open_files(struct task *t)
{
	for (int n = 0; n < NOPS; n++) {
		const struct op *o = &ops[n];
		if (o->task != t->id || !o->call || !o->file)
			continue;
		open_file(t, o->file, o->flags);
		if (o->to)
			open_file(t, o->to, 0);
		if (o->maps)
			map_file(t, o->file);
		if (o->via)
			map_file(t, o->via);
	}
}

static void close_files(struct task *t)
{
	for (int i = 0; i < t->npins; i++) {
		close(t->pins[i].pipe[0]);
		close(t->pins[i].pipe[1]);
	}
	for (int i = 0; i < t->nmaps; i++)
		if (!t->maps[i].err)
			munmap(t->maps[i].at, t->maps[i].len);
	for (int i = 0; i < t->nfds; i++)
		if (!t->fds[i].err)
			close(t->fds[i].fd);
	if (t->ballast > 0)
		close(t->ballast);
	t->nfds = t->nmaps = t->npins = t->ballast = 0;
}

/* The descriptor for an operation, -1 with errno set where there is none. */
static inline int fd_of(struct task *t, const struct op *o)
{
	int f = open_file(t, o->file, o->flags);

	errno = t->fds[f].err;
	return errno ? -1 : t->fds[f].fd;
}

/* The operation's part of its file's mapping, NULL with errno set where there is none. */
static inline unsigned char *part_of(struct task *t, const struct op *o)
{
	int m = map_file(t, o->file);

	errno = t->maps[m].err;
	return errno ? NULL : t->maps[m].at + o->off;
}

/* The memory of a read or write: painted, or poisoned. A mapping is left as it is, so that it is the operation that faults it in. */
static struct buffer *buffer_of(struct task *t, const struct op *o)
{
	struct buffer *b = calloc(1, sizeof(*b));

	b->len = b->usable = o->len;
	if (!o->writes && !o->reads)
		return b;
	if (o->via) {
		int m = map_file(t, o->via);
		b->err = t->maps[m].err;
		b->at = b->err ? NULL : t->maps[m].at + o->via_off;
		return b;
	}
	b->own = 1;
	b->at = mmap(NULL, round_up(o->len, PAGE), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (b->at == MAP_FAILED) {
		perror("memory for a buffer");
		_exit(2);
	}
	if (o->guarded)
		b->usable = o->usable;
	if (o->writes)
		paint(b->at, o->fill, o->off, b->usable);
	else
		memset(b->at, POISON, b->usable);
	if (o->guarded && mprotect(b->at + b->usable, round_up(o->len, PAGE) - b->usable, PROT_NONE) < 0) {
		perror("guard a buffer");
		_exit(2);
	}
	return b;
}

static void free_buffer(struct buffer *b)
{
	if (b->own)
		munmap(b->at, round_up(b->len, PAGE));
	free(b);
}

static void create_files(void)
{
	char path[4096];

	for (int i = 0; i < NFILES; i++) {
		path_of(path, sizeof(path), files[i].name);
		int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0644);
		if (fd < 0) {
			fprintf(stderr, "create %s: %s\n", path, strerror(errno));
			exit(2);
		}
		GIVE_ATTRIBUTE(fd);
		close(fd);
	}
	sync();
}
