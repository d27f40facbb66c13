static struct result do_load(struct task *t, const struct op *o, struct buffer *b)
{
	unsigned char *at = part_of(t, o);
	int err = at ? copied(b->at, at, o->len) : errno;

	return err ? failed(err) : (struct result){ .n = o->len, .data = b, .at = o->off };
}
