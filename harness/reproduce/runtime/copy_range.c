/* Copies until all is copied or the file ends, as cp(1) does. */
static struct result do_copy_range(struct task *t, const struct op *o, struct buffer *b)
{
	int fd = fd_of(t, o), f = open_file(t, o->to, 0);
	loff_t from = o->off, at = o->to_off;
	long done = 0;

	(void)b;
	if (fd < 0 || t->fds[f].err)
		return failed(fd < 0 ? errno : t->fds[f].err);
	while (done < o->len) {
		long n = copy_file_range(fd, &from, t->fds[f].fd, &at, o->len - done, 0);
		if (n < 0 && !done)
			return failed(errno);
		if (n <= 0)
			break;
		done += n;
	}
	return (struct result){ .n = done };
}
