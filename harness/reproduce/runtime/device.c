/* The device, as the program is given it, and what is mounted: the device itself, or the device-mapper device on it. */
static const char *device, *mkfs, *type = TYPE, *options = OPTIONS;
static char mounted[200];

static int command(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static int command(const char *fmt, ...)
{
	char line[1000];
	va_list args;

	va_start(args, fmt);
	vsnprintf(line, sizeof(line), fmt, args);
	va_end(args);
	return system(line);
}

static int mount_device(void)
{
	return syscall(SYS_mount, mounted, dir, type, MS_NOATIME, options);
}

static int unmount_device(void)
{
	double end = now() + 10;

	while (syscall(SYS_umount2, dir, 0) < 0) {
		if (errno != EBUSY || now() > end)
			return -1;
		rest(50);
	}
	return 0;
}

static void usage(const char *name)
{
	fprintf(stderr,
		"usage: %s --device DEVICE --mount DIR [--mkfs COMMAND] [--type TYPE] [--options OPTIONS]\n"
		"COMMAND, as in \"mkfs.xfs -f\", gets the device as its last argument: what is on it is lost.\n"
		"TYPE and OPTIONS are mount's; default \"%s\" and \"%s\". Nothing else may have the device mounted.\n",
		name, TYPE, OPTIONS);
	exit(2);
}

static void arguments(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		const char **to = !strcmp(argv[i], "--device") ? &device : !strcmp(argv[i], "--mount") ? &dir : !strcmp(argv[i], "--mkfs") ? &mkfs :
				  !strcmp(argv[i], "--type") ? &type : !strcmp(argv[i], "--options") ? &options : NULL;
		if (!to || ++i == argc)
			usage(argv[0]);
		*to = argv[i];
	}
	if (!device || !dir)
		usage(argv[0]);
	if (geteuid()) {
		fprintf(stderr, "%s: it mounts a file system: run it as root\n", argv[0]);
		exit(2);
	}
}

static void set_up(void)
{
	snprintf(mounted, sizeof(mounted), "%s", device);
	DM_SET_UP();
	if (mkfs && command("%s %s >&2", mkfs, mounted)) {
		fprintf(stderr, "%s %s: failed\n", mkfs, mounted);
		DM_TEAR_DOWN();
		exit(2);
	}
	if (mount_device() < 0) {
		fprintf(stderr, "mount -t %s -o %s %s %s: %s\n", type, options, mounted, dir, strerror(errno));
		DM_TEAR_DOWN();
		exit(2);
	}
}

static void tear_down(void)
{
	if (unmount_device() < 0) {
		say("%s cannot be unmounted: %s; it is left as it is", dir, strerror(errno));
		return;
	}
	DM_TEAR_DOWN();
}
