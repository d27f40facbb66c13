/* An operation that may have to wait for a later one is a process of its own: its task goes on once it is asleep. */
static void may_block(int id)
{
	let_go(id);
	await_sleep(id, NULL);
}
