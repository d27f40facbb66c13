/* The attribute may change what an open gives: the task's descriptors are opened anew. */
static struct result do_attr(struct task *t, const struct op *o, struct buffer *b)
{
	char path[4096];
	int fd = fd_of(t, o);

	(void)b;
	if (fd < 0 || set_attribute(fd, o->mode) < 0)
		return failed(errno);
	path_of(path, sizeof(path), o->file);
	for (int i = 0; i < t->nfds; i++) {
		if (strcmp(t->fds[i].file, o->file) || t->fds[i].err)
			continue;
		close(t->fds[i].fd);
		t->fds[i].fd = open(path, O_RDWR | O_CLOEXEC | t->fds[i].flags);
		t->fds[i].err = t->fds[i].fd < 0 ? errno : 0;
	}
	return returned(0);
}
