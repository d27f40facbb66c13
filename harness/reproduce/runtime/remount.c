/* Unmounts and mounts again; a mount that fails is the kernel's answer. */
static void remount(struct task *t, int n)
{
	begin(t, n);
	close_files(t);
	if (unmount_device() < 0) {
		missed(n, "unmount: %s", strerror(errno));
		stop(t);
	}
	if (!mount_device()) {
		if (ops[n].must_fail)
			bug(n, "succeeded");
		open_files(t);
		return;
	}
	say("    mount: %s", strerror(errno));
	if (!expected_errno(&ops[n], errno) && !FAILS_REQUESTS)
		bug(n, "mount: %s", strerror(errno));
	stop(t);
}
