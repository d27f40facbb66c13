static int ring_setup(struct task *t)
{
	struct io_uring_params *p = &t->ring.p;
	int fd = syscall(SYS_io_uring_setup, 64, p);

	if (fd < 0)
		return errno;
	t->ring.fd = fd;
	t->ring.sq = mmap(NULL, p->sq_off.array + p->sq_entries * 4, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd, IORING_OFF_SQ_RING);
	t->ring.cq = mmap(NULL, p->cq_off.cqes + p->cq_entries * sizeof(struct io_uring_cqe), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd,
			  IORING_OFF_CQ_RING);
	t->ring.sqes = mmap(NULL, p->sq_entries * sizeof(struct io_uring_sqe), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd, IORING_OFF_SQES);
	return t->ring.sq == MAP_FAILED || t->ring.cq == MAP_FAILED || t->ring.sqes == MAP_FAILED ? ENOMEM : 0;
}

static unsigned *word(char *ring, unsigned at)
{
	return (unsigned *)(ring + at);
}

static struct result do_uring(struct task *t, const struct op *o, struct buffer *b)
{
	struct request *r = &t->requests[o->request];
	struct io_uring_params *p = &t->ring.p;
	struct iovec iov[MOST_PIECES];
	int fd = fd_of(t, o), err = 0;

	if (fd < 0)
		return failed(errno);
	if (!t->ring.sqes && (err = ring_setup(t))) {
		missed(o - ops, "this kernel has no io_uring for us: %s", strerror(err));
		stop(t);
	}
	if (r->buf)
		free_buffer(r->buf);
	memset(r, 0, sizeof(*r));
	unsigned tail = GET(*word(t->ring.sq, p->sq_off.tail)), slot = tail & *word(t->ring.sq, p->sq_off.ring_mask);
	struct io_uring_sqe *sqe = &t->ring.sqes[slot];
	memset(sqe, 0, sizeof(*sqe));
	sqe->opcode = o->writes ? IORING_OP_WRITE : IORING_OP_READ;
	sqe->fd = fd;
	sqe->off = o->off;
	sqe->addr = (uintptr_t)b->at;
	sqe->len = b->len;
	sqe->user_data = o->request;
	if (o->vectored) {
		sqe->opcode = o->writes ? IORING_OP_WRITEV : IORING_OP_READV;
		sqe->len = pieces(o, b, iov, MOST_PIECES);
		sqe->addr = (uintptr_t)iov;
	}
	word(t->ring.sq, p->sq_off.array)[slot] = slot;
	SET(*word(t->ring.sq, p->sq_off.tail), tail + 1);
	while (syscall(SYS_io_uring_enter, t->ring.fd, 1, 0, 0, NULL, 0) < 0)
		if (errno != EINTR)
			return failed(errno);
	r->op = o - ops + 1;
	r->buf = b;
	return returned(0);
}

/* Takes one completion. */
static int ring_event(struct task *t)
{
	struct io_uring_params *p = &t->ring.p;
	unsigned *head = word(t->ring.cq, p->cq_off.head);

	while (*head == GET(*word(t->ring.cq, p->cq_off.tail)))
		if (syscall(SYS_io_uring_enter, t->ring.fd, 0, 1, IORING_ENTER_GETEVENTS, NULL, 0) < 0)
			return errno;
	struct io_uring_cqe *e = (struct io_uring_cqe *)(t->ring.cq + p->cq_off.cqes) + (*head & *word(t->ring.cq, p->cq_off.ring_mask));
	t->requests[e->user_data].done = 1;
	t->requests[e->user_data].res = e->res;
	SET(*head, *head + 1);
	return 0;
}
