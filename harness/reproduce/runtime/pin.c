/* Takes references to the pages of the mapping, by way of a pipe. */
static struct result do_pin(struct task *t, const struct op *o, struct buffer *b)
{
	unsigned char *at = part_of(t, o);
	struct iovec iov = { at, o->len };
	int *p = t->pins[t->npins].pipe;

	(void)b;
	if (!at || pipe2(p, O_CLOEXEC) < 0)
		return failed(errno);
	long n = fcntl(p[1], F_SETPIPE_SZ, o->len + 2 * PAGE);
	if (n >= 0)
		n = vmsplice(p[1], &iov, 1, SPLICE_F_NONBLOCK);
	if (n < o->len) {
		int err = n < 0 ? errno : ENOBUFS;
		close(p[0]);
		close(p[1]);
		return failed(err);
	}
	t->pins[t->npins].file = o->file;
	t->pins[t->npins].off = o->off;
	t->pins[t->npins++].len = o->len;
	return returned(0);
}
