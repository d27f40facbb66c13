/*
 * Fills: a letter or digit stands for bytes that differ from position to position in the file (with a period of 256 KiB), so that data at a
 * wrong offset are seen. '.' stands for zeros, and '!' for bytes that belong to no fill where they are.
 */
static const char fills[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

enum { NFILLS = 62, POISON = 255, SURE = 16 };

static unsigned char lowest[256 * 1024]; /* the bytes of the first fill */

static void make_fills(void)
{
	for (long pos = 0; pos < (long)sizeof(lowest); pos++) {
		uint64_t z = (pos >> 5) + 0x9e3779b97f4a7c15ULL;
		z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ULL;
		z = (z ^ z >> 27) * 0x94d049bb133111ebULL;
		z ^= z >> 31;
		lowest[pos] = 1 + NFILLS * (z >> 2 * (pos & 31) & 3);
	}
}

static unsigned char fill_byte(char fill, long pos)
{
	if (fill == '.')
		return 0;
	return lowest[pos % sizeof(lowest)] + (strchr(fills, fill) - fills);
}

/* The fill of which a byte is, '!' for none. */
static char fill_at(unsigned char b, long pos)
{
	int i = b - lowest[pos % sizeof(lowest)];

	if (b == 0)
		return '.';
	return i >= 0 && i < NFILLS ? fills[i] : '!';
}

static void paint(unsigned char *at, char fill, long pos, long len)
{
	for (long i = 0; i < len; i++)
		at[i] = fill_byte(fill, pos + i);
}

/* How long the fill at the start goes on. */
static long run_of(const unsigned char *at, long pos, long len)
{
	char fill = fill_at(at[0], pos);
	long n = 1;

	while (n < len && (fill == '!' ? fill_at(at[n], pos + n) == '!' : at[n] == fill_byte(fill, pos + n)))
		n++;
	return n;
}

/* Tells bytes that stand at a position as runs of fills, n:4096,o:61440. Beside bytes of no fill a short run is taken for chance. */
static void describe(char *out, size_t room, const unsigned char *at, long pos, long len)
{
	size_t used = 0;
	long i = 0;

	out[0] = 0;
	while (i < len && used + 40 < room) {
		char fill = fill_at(at[i], pos + i);
		long n = run_of(at + i, pos + i, len - i);
		int strange = fill == '!' || (n < SURE && i + n < len && fill_at(at[i + n], pos + i + n) == '!');

		while (strange && i + n < len) {
			long more = run_of(at + i + n, pos + i + n, len - i - n);
			if (fill_at(at[i + n], pos + i + n) != '!' && more >= SURE)
				break;
			n += more;
		}
		used += snprintf(out + used, room - used, "%s%c:%ld", used ? "," : "", strange ? '!' : fill, n);
		i += n;
	}
	if (i < len)
		snprintf(out + used, room - used, ",...");
	if (len == 0)
		snprintf(out, room, "nothing");
}

/* Says what is wrong about the first byte that is not one of the fills, as far as such bytes go. */
static int mismatch(int n, const unsigned char *at, long pos, long len, const char *oneof, const char *want)
{
	char are[400];
	long from = 0, end;

#define FITS(i) (strchr(oneof, fill_at(at[i], pos + (i))) != NULL)
	while (from < len && FITS(from))
		from++;
	if (from == len)
		return 0;
	for (end = from; end < len && !FITS(end); end++)
		;
#undef FITS
	describe(are, sizeof(are), at + from, pos + from, end - from);
	bug(n, "bytes [%ld, %ld) are %s, want %s", pos + from, pos + end, are, want);
	return 1;
}

/* Checks bytes against an expected content: one fill, or fills with their lengths. */
static void check_content(int n, const unsigned char *at, long pos, long len, const char *want, int short_is_fine)
{
	char fill[2] = "";
	long done = 0, part = len;

	for (const char *p = want; *p && done < len; done += part) {
		fill[0] = *p++;
		if (*p == ':')
			part = strtol(p + 1, (char **)&p, 10);
		if (*p == ',')
			p++;
		if (part > len - done)
			part = len - done;
		if (mismatch(n, at + done, pos + done, part, fill, want))
			return;
	}
	if (done < len && !short_is_fine)
		bug(n, "returned more than the %ld bytes of %s", done, want);
}
