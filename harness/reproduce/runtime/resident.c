/* How many bytes of the range are in the page cache; the mapping touches nothing. */
static struct result do_resident(struct task *t, const struct op *o, struct buffer *b)
{
	long lo = o->off / PAGE * PAGE, end = round_up(o->off + o->len, PAGE), n = 0;
	int fd = fd_of(t, o);

	(void)b;
	if (fd < 0)
		return failed(errno);
	unsigned char *at = mmap(NULL, end - lo, PROT_READ, MAP_SHARED, fd, lo), *in = calloc(1, (end - lo) / PAGE);
	if (at == MAP_FAILED || mincore(at, end - lo, in) < 0)
		return failed(errno);
	for (long pos = lo; pos < end; pos += PAGE)
		if (in[(pos - lo) / PAGE] & 1)
			n += (pos + PAGE < o->off + o->len ? pos + PAGE : o->off + o->len) - (pos > o->off ? pos : o->off);
	munmap(at, end - lo);
	free(in);
	return returned(n);
}
