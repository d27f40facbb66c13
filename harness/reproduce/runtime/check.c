/* Whether a mapped access can be made: SIGBUS is an answer, too. */
static __thread sigjmp_buf fault;
static __thread volatile int armed;

static void faulted(int sig)
{
	if (!armed) {
		signal(sig, SIG_DFL);
		raise(sig);
		return;
	}
	siglongjmp(fault, sig == SIGBUS ? SIGBUS_ERRNO : SIGSEGV_ERRNO);
}

static int copied(void *to, const void *from, long n)
{
	int err = sigsetjmp(fault, 1);

	if (!err) {
		armed = 1;
		memcpy(to, from, n);
	}
	armed = 0;
	return err;
}

static const char *error_name(int err)
{
	if (err == SIGBUS_ERRNO)
		return "SIGBUS";
	if (err == SIGSEGV_ERRNO)
		return "SIGSEGV";
	return strerror(err);
}

static int expected_errno(const struct op *o, int err)
{
	for (int i = 0; i < 16 && o->errnos[i]; i++)
		if (o->errnos[i] == err)
			return 1;
	return 0;
}

static int expected_count(const struct op *o, long n, long whole)
{
	for (int i = 0; i < o->ncounts; i++)
		if (o->counts[i] == n)
			return 1;
	return o->ncounts == 0 && (!o->counted || n == whole);
}

/* Looks at what an operation returned. s is the operation that says what it is about: of a reap, the submission. */
static void check(struct task *t, int n, const struct op *o, const struct op *s, struct result r)
{
	unsigned char *seen = NULL;
	char content[400] = "";

	if (r.err) {
		if (!t->quiet)
			say("%3d %-10s %s  => %s (errno %d)", n, tasks[o->owner].name, o->text, error_name(r.err), r.err);
		if (r.err == EIO)
			SET(S->said_eio, 1);
		if (expected_errno(o, r.err))
			return;
		if (o->optional && (r.err == EOPNOTSUPP || r.err == ENOTTY || r.err == ENOSYS || (o->optional > 1 && r.err == EINVAL)))
			missed(n, "this kernel or file system cannot do it: %s", error_name(r.err));
		else if ((s->flags & O_DIRECT) && r.err == EINVAL && open_file(t, s->file, s->flags) >= 0 && t->fds[open_file(t, s->file, s->flags)].err == EINVAL)
			missed(n, "the file system has no direct I/O");
		else
			bug(n, "failed with %s (errno %d)", error_name(r.err), r.err);
		return;
	}
	if (r.data && r.n > 0) {
		seen = malloc(r.n);
		memset(seen, POISON, r.n);
		long known = r.n < r.data->usable ? r.n : r.data->usable;
		if (r.data->own)
			memcpy(seen, r.data->at, known);
		else if (copied(seen, r.data->at, known))
			say("%3d %-10s its buffer, a mapping, cannot be read", n, tasks[o->owner].name);
	}
	if (r.data)
		describe(content, sizeof(content), seen, r.at, r.n);
	if (!t->quiet)
		say("%3d %-10s %s  => %ld%s%s", n, tasks[o->owner].name, o->text, r.n, r.data ? " " : "", content);
	if (o->must_fail)
		bug(n, "succeeded");
	else if (!expected_count(o, r.n, s->len))
		bug(n, "returned %ld", r.n);
	else if (r.data && o->want)
		check_content(n, seen, r.at, r.n, o->want, o->ncounts > 0);
	else if (r.data && o->oneof)
		mismatch(n, seen, r.at, r.n, o->oneof, o->oneof);
	free(seen);
}

/* Carries out an operation. */
static void run(struct task *t, int n)
{
	const struct op *o = &ops[n], *s = o;
	struct slot *of = &S->task[o->owner];
	struct buffer *b = buffer_of(t, o);
	int held = o->held_while && HELD_NOW() > 0;
	long passed = 0;

	if (o->reaps && t->requests[o->request].op)
		s = &ops[t->requests[o->request].op - 1];
	ADD(of->invoked);
	if (o->before)
		passed = GET(S->task[o->before_task].invoked);
	SET(S->task[t->id].op, n);
	SET(S->begun[n], 1);
	struct result r = b->err ? failed(b->err) : o->call(t, o, b);
	int too_soon = o->not_before && !GET(S->begun[o->not_before]);
	if (o->before)
		passed = GET(S->task[o->before_task].returned) - passed;
	SET(S->task[t->id].op, -1);
	ADD(of->returned);
	if (held && HELD_NOW() > 0)
		SET(S->held[n], 1);
	check(t, n, o, s, r);
	if (too_soon)
		bug(n, "returned before op %d (%s) began", o->not_before, ops[o->not_before].text);
	if (o->before && passed >= o->before)
		bug(n, "%ld later operations of %s returned before it did, want fewer than %ld", passed, tasks[o->before_task].name, o->before);
	if (!o->submits)
		free_buffer(b);
}
