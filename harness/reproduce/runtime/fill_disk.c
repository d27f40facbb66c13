/* A file without a name takes the free space but for so many bytes. */
static struct result do_fill_disk(struct task *t, const struct op *o, struct buffer *b)
{
	char path[4096];
	long size = 0;

	(void)b;
	path_of(path, sizeof(path), ".ballast");
	t->ballast = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (t->ballast < 0 || unlink(path) < 0 || syncfs(t->ballast) < 0)
		return failed(errno);
	for (long step = 64 << 20; step >= 1024;) {
		if (!fallocate(t->ballast, 0, size, step))
			size += step;
		else if (errno == ENOSPC)
			step /= 2;
		else if (errno != EINTR)
			return failed(errno);
	}
	if (!o->len)
		return returned(0);
	if (ftruncate(t->ballast, size > o->len ? size - o->len : 0) < 0)
		return failed(errno);
	return returned(syncfs(t->ballast));
}
