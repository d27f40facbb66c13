static struct result do_splice_read(struct task *t, const struct op *o, struct buffer *b)
{
	int fd = fd_of(t, o), p[2], err = 0;
	loff_t off = o->off;
	long done = 0;

	if (fd < 0 || new_pipe(p) < 0)
		return failed(errno);
	while (done < b->len && !err) {
		long n = splice(fd, &off, p[1], NULL, b->len - done < SPLICED ? b->len - done : SPLICED, 0);
		if (n < 0)
			err = errno;
		if (n <= 0)
			break;
		for (long got; n > 0; n -= got, done += got) {
			got = read(p[0], b->at + done, n);
			if (got <= 0) {
				err = got < 0 ? errno : EIO;
				break;
			}
		}
	}
	close_pipe(p);
	if (err && !done)
		return failed(err);
	return (struct result){ .n = done, .data = b, .at = o->off };
}
