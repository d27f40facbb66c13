/* Kernel events that tell that the situation came about, counted in a trace of our own; FUNCTION of iomapcheck:FUNCTION by a kprobe. */
static char instance[100];
static int watched;

static int trace_file(const char *name, const char *text, int flags)
{
	char path[300];

	snprintf(path, sizeof(path), "%s/%s", instance, name);
	int fd = open(path, O_WRONLY | flags), ok = fd >= 0 && write(fd, text, strlen(text)) == (long)strlen(text);
	if (fd >= 0)
		close(fd);
	return ok;
}

/* The group of a kprobe's event, which is ours alone. */
static const char *probe(void)
{
	static char name[30];

	snprintf(name, sizeof(name), "repro%d", getpid());
	return name;
}

static void watch_events(void)
{
	char text[300], event[200];

	strcpy(instance, "/sys/kernel/tracing");
	syscall(SYS_mount, "tracefs", instance, "tracefs", 0, NULL); /* it mostly is */
	for (int i = 0; i < NEVENTS; i++) {
		const char *fn = strchr(events[i].name, ':') + 1;
		if (strncmp(events[i].name, "iomapcheck:", 11))
			continue;
		snprintf(text, sizeof(text), "p:%s/%s %s\n", probe(), fn, fn);
		if (!trace_file("kprobe_events", text, O_APPEND))
			say("%s cannot be watched: %s", events[i].name, strerror(errno));
	}
	snprintf(instance, sizeof(instance), "/sys/kernel/tracing/instances/repro-%d", getpid());
	watched = !mkdir(instance, 0700);
	for (int i = 0; watched && i < NEVENTS; i++) {
		const char *fn = strchr(events[i].name, ':') + 1;
		int own = !strncmp(events[i].name, "iomapcheck:", 11);
		snprintf(event, sizeof(event), "events/%s/%s/enable", own ? probe() : "", fn);
		if (!own)
			snprintf(event, sizeof(event), "events/%.*s/%s/enable", (int)(fn - 1 - events[i].name), events[i].name, fn);
		if (!trace_file(event, "1", 0))
			say("%s cannot be watched: %s", events[i].name, strerror(errno));
	}
	if (!watched)
		say("kernel events are not watched: %s (that takes root and tracefs)", strerror(errno));
}

/* Says of each event how often it fired; those of other file systems do not count where the event says whose it is. */
static void count_events(void)
{
	char path[200], line[1000], mark[200], device_of[60];
	struct stat st;

	if (!watched || stat(dir, &st) < 0)
		return;
	snprintf(device_of, sizeof(device_of), "dev %u:%u ", major(st.st_dev), minor(st.st_dev));
	for (int i = 0; i < NEVENTS; i++) {
		long n = 0;
		snprintf(mark, sizeof(mark), " %s: ", strchr(events[i].name, ':') + 1);
		snprintf(path, sizeof(path), "%s/trace", instance);
		FILE *trace = fopen(path, "r");
		while (trace && fgets(line, sizeof(line), trace))
			n += strstr(line, mark) && (!strstr(line, " dev ") || strstr(line, device_of));
		if (trace)
			fclose(trace);
		say("%s fired %ld times", events[i].name, n);
		if (events[i].rule == 'w' && n < events[i].least)
			missed(-1, "the kernel event %s fired %ld times, want %ld", events[i].name, n, events[i].least);
		if (events[i].rule == 'e' && n < events[i].least)
			bug(-1, "the kernel event %s fired %ld times, want %ld", events[i].name, n, events[i].least);
		if (events[i].rule == 'n' && n)
			bug(-1, "the kernel event %s fired", events[i].name);
	}
}

static void end_events(void)
{
	char text[300];

	if (watched)
		rmdir(instance);
	strcpy(instance, "/sys/kernel/tracing");
	for (int i = 0; i < NEVENTS; i++) {
		if (strncmp(events[i].name, "iomapcheck:", 11))
			continue;
		snprintf(text, sizeof(text), "-:%s/%s\n", probe(), strchr(events[i].name, ':') + 1);
		trace_file("kprobe_events", text, O_APPEND);
	}
}
