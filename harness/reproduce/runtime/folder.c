static void arguments(int argc, char **argv)
{
	struct stat st;

	if (argc != 2 || stat(argv[1], &st) < 0 || !S_ISDIR(st.st_mode)) {
		fprintf(stderr, "usage: %s DIR\nDIR is a directory in the file system that is to be tried; the files in it are made anew.\n", argv[0]);
		exit(2);
	}
	dir = argv[1];
}

static inline void set_up(void)
{
}

static inline void tear_down(void)
{
}
