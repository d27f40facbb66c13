static void await_blocked(struct task *t, int n, int id, const char *in)
{
	begin(t, n);
	if (await_sleep(id, in) >= 0)
		return;
	missed(n, "the task is not asleep%s%s after %d s%s", in ? " in " : "", in ? in : "", BOUND, in && geteuid() ? " (stacks can be read by root only)" : "");
	stop(t);
}
