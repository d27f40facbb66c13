static struct result do_flood(struct task *t, const struct op *o, struct buffer *b)
{
	static __thread char forgotten[64 * 1024];
	int fd = fd_of(t, o);

	(void)b;
	if (fd < 0)
		return failed(errno);
	for (long done = 0, n; done < o->len; done += n) {
		n = pread(fd, forgotten, o->len - done < (long)sizeof(forgotten) ? o->len - done : (long)sizeof(forgotten), o->off + done);
		if (n <= 0)
			return returned(n);
	}
	return returned(0);
}
