static struct result do_munlock(struct task *t, const struct op *o, struct buffer *b)
{
	unsigned char *at = part_of(t, o);

	(void)b;
	return at ? returned(munlock(at, o->len)) : failed(errno);
}
