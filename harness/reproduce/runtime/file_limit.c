/* The signal that goes with EFBIG would end the task. */
static struct result do_file_limit(struct task *t, const struct op *o, struct buffer *b)
{
	struct rlimit limit = { o->len < 0 ? RLIM_INFINITY : (rlim_t)o->len, RLIM_INFINITY };

	(void)t;
	(void)b;
	signal(SIGXFSZ, SIG_IGN);
	return returned(setrlimit(RLIMIT_FSIZE, &limit));
}
