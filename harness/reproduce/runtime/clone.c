static struct result do_clone(struct task *t, const struct op *o, struct buffer *b)
{
	int fd = fd_of(t, o), f = open_file(t, o->to, 0);

	(void)b;
	if (fd < 0 || t->fds[f].err)
		return failed(fd < 0 ? errno : t->fds[f].err);
	return returned(ioctl(t->fds[f].fd, FICLONE, fd));
}
