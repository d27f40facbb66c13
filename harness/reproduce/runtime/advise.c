static struct result do_advise(struct task *t, const struct op *o, struct buffer *b)
{
	int fd = fd_of(t, o);

	(void)b;
	return fd < 0 ? failed(errno) : failed(posix_fadvise(fd, o->off, o->len, o->mode));
}
