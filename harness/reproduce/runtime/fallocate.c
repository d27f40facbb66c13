static struct result do_fallocate(struct task *t, const struct op *o, struct buffer *b)
{
	int fd = fd_of(t, o);

	(void)b;
	return fd < 0 ? failed(errno) : returned(fallocate(fd, o->mode, o->off, o->len));
}
