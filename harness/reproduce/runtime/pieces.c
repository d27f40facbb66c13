/* The parts of a buffer that is given in several: the next is always longer by the first one's length. */
static int pieces(const struct op *o, struct buffer *b, struct iovec *iov, int room)
{
	long first = !(o->flags & O_DIRECT) ? 1000 : o->len % PAGE == 0 ? PAGE : 512, part = first, done = 0;
	int n = 0;

	if (!o->vectored)
		first = part = b->len;
	for (; done < b->len && n < room; part += first, n++) {
		iov[n].iov_base = b->at + done;
		iov[n].iov_len = part < b->len - done ? part : b->len - done;
		done += iov[n].iov_len;
	}
	return n;
}

enum { MOST_PIECES = 1024 };
