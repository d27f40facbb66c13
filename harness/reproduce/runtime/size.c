static struct result do_size(struct task *t, const struct op *o, struct buffer *b)
{
	struct stat st;
	int fd = fd_of(t, o);

	(void)b;
	return fd < 0 || fstat(fd, &st) < 0 ? failed(errno) : returned(st.st_size);
}
