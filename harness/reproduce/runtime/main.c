/* Takes note of processes that are gone, also of those that did not say so. */
static void note_ended(void)
{
	int status, pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		for (int i = 0; i < NTASKS + 1; i++) {
			if (GET(S->task[i].pid) != pid)
				continue;
			if (WIFSIGNALED(status) && !GET(S->task[i].ended))
				missed(-1, "the task %s died of signal %d", i < NTASKS ? tasks[i].name : "finally", WTERMSIG(status));
			SET(S->task[i].ended, 1);
		}
	}
}

/* Says where a task is that does not end. */
static void stuck(int id, const char *name)
{
	char path[100], stack[4096] = "";
	struct slot *s = &S->task[id];
	int n;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/stack", GET(s->pid), GET(s->tid) ? GET(s->tid) : GET(s->pid));
	int fd = open(path, O_RDONLY);
	if (fd >= 0 && (n = read(fd, stack, sizeof(stack) - 1)) > 0)
		stack[n] = 0;
	say("%s is stuck:\n%s", name, stack);
	if (id < NTASKS && GET(s->op) >= 0)
		bug(GET(s->op), "did not return within %d s", RUN_BOUND);
	else if (id == NTASKS)
		bug(-1, "finally: the files could not be read within %d s", RUN_BOUND);
}

/* Waits for a task, and says so if it does not end; 0 if it did not. */
static int await_task(int id, double end)
{
	while (!GET(S->task[id].ended)) {
		note_ended();
		if (now() > end)
			return 0;
		rest(2);
	}
	return 1;
}

/* Runs the program from its beginning until every task has ended; 0 if one did not. */
static int run_program(void)
{
	double end = now() + RUN_BOUND;
	int ended = 1;

	for (int i = 0; i < NTASKS; i++)
		if (tasks[i].thread_of < 0)
			spawn(i);
	for (int i = 0; i < NTASKS; i++) {
		if (LATE && i) /* their files are opened only when they are let go */
			continue;
		SET(S->task[i].prepare, 1);
		while (!GET(S->task[i].ready) && !GET(S->task[i].ended) && now() < end) {
			note_ended();
			rest(1);
		}
	}
	SET(S->task[0].go, 1);
	ended = await_task(0, end);
	HEAL(); /* so that the tasks can end */
	for (int i = 0; i < NTASKS; i++)
		if (GET(S->task[i].go) && !await_task(i, end)) {
			stuck(i, tasks[i].name);
			ended = 0;
		}
	for (int i = 0; i < NTASKS; i++) /* those that the program never let go */
		if (!GET(S->task[i].go) && tasks[i].thread_of < 0) {
			SET(S->task[i].ended, 1);
			kill(S->task[i].pid, SIGKILL);
		}
	return ended;
}

static void read_files(void)
{
	int pid = fork();

	if (pid == 0)
		finally(NTASKS);
	SET(S->task[NTASKS].pid, pid);
	if (!await_task(NTASKS, now() + RUN_BOUND))
		stuck(NTASKS, "finally");
}

/* The evidence that the program asks for. */
static void witnesses(void)
{
	for (int n = 0; n < NOPS; n++) {
		if (ops[n].held_while && !GET(S->held[n]))
			missed(-1, "no request was held while op %d (%s) ran", n, ops[n].text);
		if (ops[n].asleep && !GET(S->asleep[n]))
			missed(-1, "op %d (%s) was not seen asleep%s%s", n, ops[n].text, ops[n].in ? " in " : "", ops[n].in ? ops[n].in : "");
	}
}

int main(int argc, char **argv)
{
	arguments(argc, argv);
	S = mmap(NULL, sizeof(*S), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (S == MAP_FAILED) {
		perror("mmap");
		return 2;
	}
	make_fills();
	signal(SIGBUS, faulted);
	signal(SIGSEGV, faulted);
	set_up();
	create_files();
	WATCH_EVENTS();
	int ended = run_program();
	COUNT_EVENTS();
	if (ended) {
		witnesses();
		read_files();
		tear_down();
	} else {
		say("a task is still in the kernel: what was set up is left as it is");
	}
	if (S->has_bug)
		say("BUG: %s", S->bug);
	else if (S->has_missed)
		say("could not be arranged: %s", S->missed);
	else
		say("good");
	return S->has_bug ? 1 : S->has_missed ? 2 : 0;
}
