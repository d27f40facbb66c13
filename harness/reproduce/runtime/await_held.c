static void await_held(struct task *t, int n, int count)
{
	double end = now() + BOUND;
	int held;

	begin(t, n);
	while ((held = held_now()) < count && now() < end)
		rest(10);
	say("    %d held", held);
	if (held >= count)
		return;
	missed(n, "no more than %d requests are held after %d s", held, BOUND);
	stop(t);
}
