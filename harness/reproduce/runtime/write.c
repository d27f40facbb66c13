static struct result do_write(struct task *t, const struct op *o, struct buffer *b)
{
	int fd = fd_of(t, o);
	struct iovec iov[MOST_PIECES];

	if (fd < 0)
		return failed(errno);
	if (!o->nowait && !o->vectored)
		return returned(pwrite(fd, b->at, b->len, o->off));
	return returned(pwritev2(fd, iov, pieces(o, b, iov, MOST_PIECES), o->off, o->nowait ? RWF_NOWAIT : 0));
}
