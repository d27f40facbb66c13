/* Lets go what is held, and holds no more. */
static int let_disk_go(void)
{
	int kept = 0;

	for (int i = 0; i < S->nrules; i++)
		if (S->rules[i].fails)
			S->rules[kept++] = S->rules[i];
	S->nrules = kept;
	return dm_load();
}

static void release(struct task *t, int n)
{
	begin(t, n);
	if (let_disk_go())
		return;
	missed(n, "dmsetup failed");
	stop(t);
}
