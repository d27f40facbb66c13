static struct result do_mlock(struct task *t, const struct op *o, struct buffer *b)
{
	unsigned char *at = part_of(t, o);

	(void)b;
	return at ? returned(mlock(at, o->len)) : failed(errno);
}
