static void drop_caches(struct task *t, int n)
{
	begin(t, n);
	if (write_file("/proc/sys/vm/drop_caches", "3"))
		return;
	missed(n, "%s (caches are dropped by root)", strerror(errno));
	stop(t);
}
