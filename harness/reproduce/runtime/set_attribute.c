#define REALTIME 0x80000000u /* no flag of FS_IOC_SETFLAGS */

/* Gives a file an attribute: a flag of FS_IOC_SETFLAGS, or the one of FS_IOC_FSSETXATTR for the real-time device. */
static int set_attribute(int fd, unsigned flag)
{
	struct fsxattr x;
	int old;

	if (flag == REALTIME) {
		if (ioctl(fd, FS_IOC_FSGETXATTR, &x) < 0)
			return -1;
		x.fsx_xflags |= FS_XFLAG_REALTIME;
		return ioctl(fd, FS_IOC_FSSETXATTR, &x);
	}
	if (ioctl(fd, FS_IOC_GETFLAGS, &old) < 0)
		return -1;
	old |= flag;
	return ioctl(fd, FS_IOC_SETFLAGS, &old);
}

static inline void give_attribute(int fd, unsigned flag)
{
	if (!set_attribute(fd, flag))
		return;
	fprintf(stderr, "the file system refuses the attribute that its files are to have: %s\n", strerror(errno));
	exit(2);
}
