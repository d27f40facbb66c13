static struct result do_read(struct task *t, const struct op *o, struct buffer *b)
{
	int fd = fd_of(t, o);
	struct iovec iov[MOST_PIECES];
	struct result r;

	if (fd < 0)
		return failed(errno);
	if (!o->nowait && !o->vectored)
		r = returned(pread(fd, b->at, b->len, o->off));
	else
		r = returned(preadv2(fd, iov, pieces(o, b, iov, MOST_PIECES), o->off, o->nowait ? RWF_NOWAIT : 0));
	r.data = b;
	r.at = o->off;
	return r;
}
