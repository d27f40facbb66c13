// Package prog is the program language: what a case asks a kernel to do, as data.
//
// A Program is a list of operations for a few named tasks, with what each operation may return, and the witness that
// proves that the situation it is about really came about. Programs are plain data: they print themselves, travel to a
// guest as text, are interpreted by the reference engine and by harness/exec alike, and can be written by hand.
//
// # Text form
//
// One operation a line; '#' starts a comment; sizes take k, m and g (powers of 1024).
//
//	write f 0 64k o                       buffered write of fill o over bytes [0, 64k) of file f
//	fsync f
//	hold writes f 0 64k                   the disk neither carries out nor answers writes of that file range
//	go writer: direct-write f 0 64k n     a task of its own
//	await held 1
//	read f 0 64k ? o|n may-block @refill  any mix of o and n; may wait for the held request; named refill
//	release
//	join writer
//	read f 0 64k = n
//	witness held-while refill
//
// A fill is one letter or digit: the bytes it stands for depend on their position in the file (see FillByte), so that data
// that land at the wrong offset are seen; '.' in an expectation stands for zeros. Verbs() lists every operation with its
// arguments. After the arguments come, in any order, the expectations:
//
//	= n            a read returns exactly this: a fill for all of it, or a list of runs: = o:4k,n:60k
//	? o|n          every byte of a read is of one of these fills
//	returns N|N    the count (or, for size, the size) is one of these; otherwise it must be the full length
//	fails E|E      the operation must fail with one of these errnos
//	may-fail E|E   it may; SIGKILL stands for a task that is killed in it for want of memory, SIGBUS for a mapped access that ended so
//	may-block      it may wait until a later operation of the same task lets it go on (a release): the task goes on to its
//	               next operation once this one is seen asleep, and the harness joins it at the end
//	before N later TASK    progress, by counting: it returns before N operations of TASK that began after it have ended
//	not-before LABEL       it must not return before the operation LABEL has begun
//	@LABEL         a name for it, for not-before, witnesses and the rows of a case
//
// Where the memory of a read or write is not to be the task's own, the operation says so:
//
//	via FILE OFF   the buffer is the task's shared mapping of FILE from OFF on. A read stores what it returns in that file. A write
//	               carries what the mapping holds; its fill states what that is, and stating wrongly is the program's fault. Bytes of
//	               one fill are the same every Period, so OFF differs from the operation's own offset by a multiple of that.
//	guard N        its pages from byte N on cannot be touched: the operation ends in a page fault there
//
// How an operation asks the kernel, beside its verb, in any order with the expectations:
//
//	dsync          O_DSYNC
//	nowait         RWF_NOWAIT
//	direct         O_DIRECT, for io_uring and splice, which otherwise go through the page cache
//	vectored       the buffer is given in several pieces
//
// Rules about the kernel's events, tracepoints as group:name or calls of functions as iomapcheck:FUNCTION, stand on lines of their
// own:
//
//	order A before B     in each operation, and for each folio where the events tell it, every A is followed by a B
//	never A              A does not fire
//	event A times N      A fires at least N times
//
// Memory: the first memory or reclaim line gives the program's tasks a memory cgroup of their own, in which they are from the start.
// What is limited is what they have in memory beyond what the target needs to run them.
//
// Power: cut takes what the disk has not promised, and the program goes on after a new boot and mount:
//
//	direct-write f 0 4k n dsync
//	write f 4k 4k n
//	cut                             keeping some, or keeping oldest N: some of what was not promised survives
//	read f 0 4k = n
//	witness lost 1
//
// Blocks: `go T {` … `}` for a task of several operations, `repeat N {` … `}`, `until T {` … `}` (again and again until the
// task T has ended). `go T thread: …` puts the task into its parent's address space.
package prog
