static struct result do_reap(struct task *t, const struct op *o, struct buffer *b)
{
	struct request *r = &t->requests[o->request];
	int err;

	(void)b;
	if (!r->op) {
		say("    %-10s there is nothing to reap: the submission failed", tasks[t->id].name);
		return (struct result){ .n = o->ncounts ? o->counts[0] : 0, .err = o->must_fail ? o->errnos[0] : 0 };
	}
	while (!r->done)
		if ((err = EVENT_OF(t, &ops[r->op - 1])) && err != EINTR)
			return failed(err);
	if (r->res < 0)
		return failed(-r->res);
	struct result done = { .n = r->res };
	if (ops[r->op - 1].reads) {
		done.data = r->buf;
		done.at = ops[r->op - 1].off;
	}
	return done;
}
