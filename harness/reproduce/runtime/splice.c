enum { PIPE = 1 << 20, SPLICED = PIPE / 2 };

static int new_pipe(int p[2])
{
	if (pipe2(p, O_CLOEXEC) < 0)
		return -1;
	return fcntl(p[1], F_SETPIPE_SZ, PIPE);
}

static void close_pipe(int p[2])
{
	close(p[0]);
	close(p[1]);
}
