/* Whether one of the functions is on a kernel stack as /proc has it. */
static int on_stack(const char *stack, const char *in)
{
	char name[100], line[120];

	for (const char *p = in; p && *p; p += strcspn(p, "|"), p += *p == '|') {
		snprintf(name, sizeof(name), "%.*s", (int)strcspn(p, "|"), p);
		for (int i = 0; i < 2; i++) { /* the compiler may have made a part of it */
			snprintf(line, sizeof(line), "] %s%c", name, "+."[i]);
			if (strstr(stack, line))
				return 1;
		}
	}
	return !in;
}

static int read_proc(int id, const char *name, char *text, int room)
{
	char path[100];

	snprintf(path, sizeof(path), "/proc/%d/task/%d/%s", GET(S->task[id].pid), GET(S->task[id].tid), name);
	int fd = open(path, O_RDONLY), n = fd < 0 ? -1 : (int)read(fd, text, room - 1);
	if (fd >= 0)
		close(fd);
	text[n < 0 ? 0 : n] = 0;
	return n;
}

/* Whether the task sleeps in an operation; switches tells when it ran last. */
static int sleeps(int id, long *switches)
{
	char text[4096], *state, *p;

	*switches = 0;
	if (GET(S->task[id].op) < 0 || read_proc(id, "status", text, sizeof(text)) <= 0 || !(state = strstr(text, "State:\t")))
		return 0;
	for (p = text; (p = strstr(p, "ctxt_switches:")); p += 14)
		*switches += strtol(p + 14, NULL, 10);
	return state[7] == 'S' || state[7] == 'D';
}

/*
 * Waits until the task sleeps in an operation for good: for a second without a context switch, below one of the functions if some are
 * given. 1 if it does, 0 if it has ended, -1 if neither comes about.
 */
static int await_sleep(int id, const char *in)
{
	double end = now() + BOUND;
	long last = -1, switches;
	int same = 0, op;
	char stack[8192];

	for (; now() < end; rest(5)) {
		if (GET(S->task[id].ended))
			return 0;
		op = GET(S->task[id].op);
		same = sleeps(id, &switches) && switches == last ? same + 1 : 0;
		last = switches;
		if (same < 200)
			continue;
		same = 0;
		int readable = read_proc(id, "stack", stack, sizeof(stack)) > 0;
		if (op < 0 || (in && !(readable && on_stack(stack, in))))
			continue;
		say("    %-10s is asleep in op %d", tasks[id].name, op);
		if (ops[op].asleep && (!ops[op].in || (readable && on_stack(stack, ops[op].in))))
			SET(S->asleep[op], 1);
		return 1;
	}
	return -1;
}
