/* What is read after the file system has been mounted anew. */
#define FINAL_REMOUNT \
	if (unmount_device() < 0 || mount_device() < 0) { \
		if (!FAILS_REQUESTS) \
			bug(-1, "finally: mount anew: %s", strerror(errno)); \
		_exit(0); \
	} \
	for (int i = 0; i < NFILES; i++) \
		agree(files[i].name, "mounted anew", read_all(files[i].name, 0, 0), mapped[i], excused[i]);
