/* When all is quiet, every way to read a file gives the same. A stale page cache is excused where the kernel said so, with EIO. */
struct copy { unsigned char *at; long len; int err; };

static struct copy read_all(const char *file, int flags, int mapped)
{
	struct copy c = { 0 };
	struct stat st;
	char path[4096];

	path_of(path, sizeof(path), file);
	int fd = open(path, O_RDONLY | flags);
	if (fd < 0 || fstat(fd, &st) < 0) {
		c.err = errno;
		return c;
	}
	long room = round_up(st.st_size, PAGE) + PAGE, n = 0;
	c.at = mmap(NULL, room, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (mapped && st.st_size) {
		unsigned char *from = mmap(NULL, st.st_size, PROT_READ, MAP_SHARED, fd, 0);
		c.len = st.st_size;
		c.err = from == MAP_FAILED ? errno : copied(c.at, from, c.len);
		if (from != MAP_FAILED)
			munmap(from, st.st_size);
	}
	for (; !mapped && c.len < room; c.len += n) {
		n = pread(fd, c.at + c.len, room - c.len, c.len);
		c.err = n < 0 ? errno : 0;
		if (n <= 0)
			break;
		if (n % 512) {
			c.len += n;
			break;
		}
	}
	close(fd);
	return c;
}

static void agree(const char *file, const char *how, struct copy seen, struct copy first, int excused)
{
	char a[400], b[400];
	long i = 0, end;

	if (seen.err) {
		say("finally %s, %s: %s", file, how, error_name(seen.err));
		if (!excused && seen.err != EINVAL && seen.err != EOPNOTSUPP)
			bug(-1, "finally %s, %s: %s", file, how, error_name(seen.err));
		return;
	}
	describe(a, sizeof(a), seen.at, 0, seen.len);
	say("finally %s, %s: %s", file, how, a);
	while (i < seen.len && i < first.len && seen.at[i] == first.at[i])
		i++;
	if (first.err || excused || (i == seen.len && i == first.len))
		return;
	if (i == seen.len || i == first.len) {
		bug(-1, "finally %s: %ld bytes %s, %ld mapped", file, seen.len, how, first.len);
		return;
	}
	for (end = i; end < seen.len && end < first.len && seen.at[end] != first.at[end]; end++)
		;
	describe(a, sizeof(a), seen.at + i, i, end - i);
	describe(b, sizeof(b), first.at + i, i, end - i);
	bug(-1, "finally %s: bytes [%ld, %ld) are %s %s, but %s mapped", file, i, end, a, how, b);
}

static void finally(int id)
{
	struct copy mapped[NFILES], buffered, direct;
	int excused[NFILES];
	char path[4096];

	(void)id;
	for (int i = 0; i < NFILES; i++) {
		const char *f = files[i].name;
		mapped[i] = read_all(f, 0, 1);
		buffered = read_all(f, 0, 0);
		direct = read_all(f, O_DIRECT, 0);
		path_of(path, sizeof(path), f);
		int fd = open(path, O_RDWR);
		excused[i] = FAILS_REQUESTS || GET(S->said_eio) || (fd >= 0 && fsync(fd) < 0);
		if (excused[i])
			say("finally %s: an EIO was returned: what does not agree is excused", f);
		agree(f, "mapped", mapped[i], mapped[i], excused[i]);
		agree(f, "buffered", buffered, mapped[i], excused[i]);
		agree(f, "direct", direct, mapped[i], excused[i]);
		posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED); /* what is clean leaves the page cache */
		close(fd);
	}
	for (int i = 0; i < NFILES; i++)
		agree(files[i].name, "from the disk", read_all(files[i].name, 0, 0), mapped[i], excused[i]);
	FINAL_REMOUNT
	SET(S->task[id].ended, 1);
	_exit(0);
}
