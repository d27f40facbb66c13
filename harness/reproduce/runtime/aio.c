static struct result do_aio(struct task *t, const struct op *o, struct buffer *b)
{
	struct request *r = &t->requests[o->request];
	struct iocb *cb = &r->cb;
	struct iovec iov[MOST_PIECES];
	int fd = fd_of(t, o);

	if (fd < 0)
		return failed(errno);
	if (!t->aio && syscall(SYS_io_setup, 64, &t->aio) < 0)
		return failed(errno);
	if (r->buf)
		free_buffer(r->buf);
	memset(r, 0, sizeof(*r));
	cb->aio_data = o->request;
	cb->aio_fildes = fd;
	cb->aio_offset = o->off;
	cb->aio_lio_opcode = o->writes ? IOCB_CMD_PWRITE : IOCB_CMD_PREAD;
	cb->aio_buf = (uintptr_t)b->at;
	cb->aio_nbytes = b->len;
	if (o->vectored) {
		cb->aio_lio_opcode = o->writes ? IOCB_CMD_PWRITEV : IOCB_CMD_PREADV;
		cb->aio_nbytes = pieces(o, b, iov, MOST_PIECES);
		cb->aio_buf = (uintptr_t)iov;
	}
	if (syscall(SYS_io_submit, t->aio, 1, &cb) < 0)
		return failed(errno);
	r->op = o - ops + 1;
	r->buf = b;
	return returned(0);
}

/* Takes one completion. */
static int aio_event(struct task *t)
{
	struct io_event e;

	if (syscall(SYS_io_getevents, t->aio, 1, 1, &e, NULL) < 1)
		return errno;
	t->requests[e.data].done = 1;
	t->requests[e.data].res = e.res;
	return 0;
}
