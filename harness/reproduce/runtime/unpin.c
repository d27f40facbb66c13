static struct result do_unpin(struct task *t, const struct op *o, struct buffer *b)
{
	(void)b;
	for (int i = 0; i < t->npins; i++) {
		if (strcmp(t->pins[i].file, o->file) || t->pins[i].off != o->off || t->pins[i].len != o->len)
			continue;
		close(t->pins[i].pipe[0]);
		close(t->pins[i].pipe[1]);
		t->pins[i] = t->pins[--t->npins];
		return returned(0);
	}
	return failed(ENOENT);
}
