static struct result do_store(struct task *t, const struct op *o, struct buffer *b)
{
	unsigned char *at = part_of(t, o);
	int err = at ? copied(at, b->at, o->len) : errno;

	return err ? failed(err) : returned(o->len);
}
