static int write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY), ok = fd >= 0 && write(fd, text, strlen(text)) == (long)strlen(text);

	if (fd >= 0)
		close(fd);
	return ok;
}

static void drop_caches(struct task *t, int n)
{
	begin(t, n);
	if (write_file("/proc/sys/vm/drop_caches", "3"))
		return;
	missed(n, "%s (caches are dropped by root)", strerror(errno));
	stop(t);
}
