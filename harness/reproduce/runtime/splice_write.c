/* Moves bytes through a pipe into the file. What was written before an error counts. */
static struct result do_splice_write(struct task *t, const struct op *o, struct buffer *b)
{
	int fd = fd_of(t, o), p[2];
	loff_t off = o->off;
	long done = 0, n, moved;

	if (fd < 0 || new_pipe(p) < 0)
		return failed(errno);
	while (done < b->len) {
		n = write(p[1], b->at + done, b->len - done < SPLICED ? b->len - done : SPLICED);
		for (; n > 0; n -= moved, done += moved) {
			moved = splice(p[0], NULL, fd, &off, n, 0);
			if (moved <= 0) {
				struct result r = done > 0 || moved == 0 ? (struct result){ .n = done } : failed(errno);
				close_pipe(p);
				return r;
			}
		}
		if (n < 0)
			break;
	}
	close_pipe(p);
	return (struct result){ .n = done };
}
