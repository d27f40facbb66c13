static int await(int *flag, int seconds)
{
	double end = now() + seconds;

	while (!GET(*flag)) {
		if (now() > end)
			return 0;
		rest(1);
	}
	return 1;
}

/* What a task does from its start to its end, in a process or thread of its own. */
static void live(int id)
{
	struct task t = { .id = id };
	struct slot *s = &S->task[id];

	SET(s->tid, (int)syscall(SYS_gettid));
	SET(s->op, -1);
	if (await(&s->prepare, RUN_BOUND)) {
		open_files(&t);
		SET(s->ready, 1);
		if (await(&s->go, RUN_BOUND))
			tasks[id].body(&t);
		close_files(&t);
	}
	SET(s->ended, 1);
}

static void *live_in_thread(void *id)
{
	live((int)(intptr_t)id);
	return NULL;
}

/* Starts a task's process, with the threads that other tasks are in it; they wait until they are let go. */
static void spawn(int id)
{
	pthread_t thread;
	int pid = fork();

	if (pid < 0) {
		perror("fork");
		exit(2);
	}
	if (pid > 0) {
		SET(S->task[id].pid, pid);
		return;
	}
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (int i = 0; i < NTASKS; i++) {
		if (tasks[i].thread_of != id)
			continue;
		SET(S->task[i].pid, getpid());
		if (pthread_create(&thread, NULL, live_in_thread, (void *)(intptr_t)i))
			_exit(2);
	}
	live(id);
	for (int i = 0; i < NTASKS; i++)
		if (tasks[i].thread_of == id && GET(S->task[i].go))
			await(&S->task[i].ended, RUN_BOUND);
	_exit(0);
}

/* Opens a task's files, unless they are, and lets it go. */
static void let_go(int id)
{
	SET(S->task[id].prepare, 1);
	while (!GET(S->task[id].ready) && !GET(S->task[id].ended))
		rest(1);
	SET(S->task[id].go, 1);
}

/* Ends the task at once, because its situation cannot be had. The files are looked at all the same. */
static inline void stop(struct task *t)
{
	close_files(t);
	SET(S->task[t->id].ended, 1);
	if (tasks[t->id].thread_of >= 0)
		pthread_exit(NULL);
	_exit(0);
}

/* Notes that an operation of the program's own begins. */
static inline void begin(struct task *t, int n)
{
	SET(S->begun[n], 1);
	if (!t->quiet)
		say("%3d %-10s %s", n, tasks[t->id].name, ops[n].text);
}

static inline void go(struct task *t, int n, int id)
{
	begin(t, n);
	let_go(id);
}

static inline void join(struct task *t, int n, int id)
{
	begin(t, n);
	while (!GET(S->task[id].ended))
		rest(1);
}

/* For loops that go on until a task has ended; one beside main rests, so that main gets on. */
static inline int has_ended(int id)
{
	if (id == 0)
		rest(20);
	return GET(S->task[id].ended);
}
