package prog

// The builder: one function an operation, options as methods, so that a case reads like its text form.
//
//	prog.New(
//		prog.Write("f", 0, 64*prog.KiB, 'o'), prog.Fsync("f"),
//		prog.Go("writer", prog.DirectWrite("f", 0, 64*prog.KiB, 'n')),
//		prog.AwaitHeld(1),
//		prog.Read("f", 0, 64*prog.KiB).OneOf("on").MayBlock().As("refill"),
//	).Witness(prog.WhileHeld("refill"))

// Sizes in bytes.
const (
	KiB int64 = 1 << 10
	MiB int64 = 1 << 20
)

// New makes a program of the operations of its main task.
func New(ops ...Op) Program { return Program{Ops: ops} }

// Witness is the program with more evidence to be asked for; all of it must be there.
func (p Program) Witness(w ...Witness) Program {
	p.Witnesses = append(p.Witnesses[:len(p.Witnesses):len(p.Witnesses)], w...)
	return p
}

func ranged(v Verb, file string, off, n int64) Op { return Op{Verb: v, File: file, Off: off, Len: n} }

func filled(v Verb, file string, off, n int64, f Fill) Op {
	op := ranged(v, file, off, n)
	op.Fill = f
	return op
}

// Write is a buffered write; off and n are bytes.
func Write(file string, off, n int64, f Fill) Op { return filled(VWrite, file, off, n, f) }

// DirectWrite is a write with O_DIRECT.
func DirectWrite(file string, off, n int64, f Fill) Op { return filled(VDirectWrite, file, off, n, f) }

// Store stores through a shared mapping.
func Store(file string, off, n int64, f Fill) Op { return filled(VStore, file, off, n, f) }

// Read is a buffered read.
func Read(file string, off, n int64) Op { return ranged(VRead, file, off, n) }

// DirectRead is a read with O_DIRECT.
func DirectRead(file string, off, n int64) Op { return ranged(VDirectRead, file, off, n) }

// Load loads through a shared mapping.
func Load(file string, off, n int64) Op { return ranged(VLoad, file, off, n) }

// AIOWrite submits a direct write under a name; Reap waits for it.
func AIOWrite(name, file string, off, n int64, f Fill) Op {
	op := filled(VAIOWrite, file, off, n, f)
	op.AIO = name
	return op
}

// AIORead submits a direct read under a name; Reap waits for it and returns what it read.
func AIORead(name, file string, off, n int64) Op {
	op := ranged(VAIORead, file, off, n)
	op.AIO = name
	return op
}

// Reap waits for an asynchronous request of the same task.
func Reap(name string) Op { return Op{Verb: VReap, AIO: name} }

// Fsync is fsync(2).
func Fsync(file string) Op { return Op{Verb: VFsync, File: file} }

// Fdatasync is fdatasync(2).
func Fdatasync(file string) Op { return Op{Verb: VFdatasync, File: file} }

// Truncate sets the size, in bytes.
func Truncate(file string, size int64) Op { return Op{Verb: VTruncate, File: file, Len: size} }

// Fallocate is fallocate(2).
func Fallocate(file string, off, n int64, mode FallocMode) Op {
	op := ranged(VFallocate, file, off, n)
	op.Mode = mode
	return op
}

// FileSize returns the file's size.
func FileSize(file string) Op { return Op{Verb: VSize, File: file} }

// DropCaches drops every clean folio.
func DropCaches() Op { return Op{Verb: VDropCaches} }

// Remount unmounts and mounts the file system.
func Remount() Op { return Op{Verb: VRemount} }

// Hold makes the disk hold requests from now on; Of limits it to a file range.
func Hold(r Requests) Op { return Op{Verb: VHold, Reqs: r} }

// AwaitHeld waits until n requests are held.
func AwaitHeld(n int64) Op { return Op{Verb: VAwaitHeld, Count: n} }

// AwaitBlocked waits until the task sleeps inside an operation, if functions are given below one of these.
func AwaitBlocked(task string, in ...string) Op { return Op{Verb: VAwaitBlocked, Task: task, In: in} }

// Release lets every held request go and ends the holds.
func Release() Op { return Op{Verb: VRelease} }

// ReleaseOldest lets the first n held requests go.
func ReleaseOldest(n int64) Op { return Op{Verb: VRelease, Which: Oldest, Count: n} }

// ReleaseNewest lets the last n held requests go, the newest first.
func ReleaseNewest(n int64) Op { return Op{Verb: VRelease, Which: Newest, Count: n} }

// Fail makes the disk answer requests with an errno, times of them or all (0).
func Fail(r Requests, errno string, times int64) Op {
	return Op{Verb: VFail, Reqs: r, Errno: errno, Count: times}
}

// Record switches the recording of disk requests.
func Record(on bool) Op { return Op{Verb: VRecord, On: on} }

// Go starts a task, a process of its own.
func Go(task string, body ...Op) Op { return Op{Verb: VGo, Task: task, Body: body} }

// Join waits for a task.
func Join(task string) Op { return Op{Verb: VJoin, Task: task} }

// Repeat runs its body n times.
func Repeat(n int64, body ...Op) Op { return Op{Verb: VRepeat, Count: n, Body: body} }

// Until runs its body again and again until the task has ended.
func Until(task string, body ...Op) Op { return Op{Verb: VUntil, Task: task, Body: body} }

// InThread puts the task that the operation starts into its parent's address space.
func (op Op) InThread() Op { op.Thread = true; return op }

// Of limits a hold or fail to a file range.
func (op Op) Of(file string, off, n int64) Op { op.File, op.Off, op.Len = file, off, n; return op }

// With adds flags.
func (op Op) With(f Flags) Op { op.Flags |= f; return op }

// Returns expects exactly this fill.
func (op Op) Returns(f Fill) Op {
	op.Expect.Exact = Content{{Len: WholeLen, Fill: f.String()}}
	return op
}

// ReturnsRuns expects exactly these runs.
func (op Op) ReturnsRuns(runs ...Run) Op { op.Expect.Exact = runs; return op }

// OneOf expects every byte to be of one of the fills.
func (op Op) OneOf(fills string) Op { op.Expect.OneOf = fills; return op }

// Counts expects one of these counts, in bytes.
func (op Op) Counts(n ...int64) Op { op.Expect.Counts = n; return op }

// Fails expects one of these errnos.
func (op Op) Fails(errnos ...string) Op {
	op.Expect.Errnos, op.Expect.MustFail = errnos, true
	return op
}

// MayFail allows these errnos.
func (op Op) MayFail(errnos ...string) Op { op.Expect.Errnos = errnos; return op }

// MayBlock lets the task go on while this operation sleeps.
func (op Op) MayBlock() Op { op.Expect.MayBlock = true; return op }

// Before bounds how many later operations of a task may overtake this one.
func (op Op) Before(n int64, task string) Op { op.Expect.Before = &Bypass{n, task}; return op }

// NotBefore is the label of the operation before whose beginning this one must not return.
func (op Op) NotBefore(label string) Op { op.Expect.NotBefore = label; return op }

// As labels the operation.
func (op Op) As(label string) Op { op.Label = label; return op }

// WhileHeld asks that a disk request was held throughout the operation.
func WhileHeld(label string) Witness { return Witness{Kind: HeldWhile, Label: label} }

// SeenBlocked asks that the operation was seen asleep, if functions are given below one of these.
func SeenBlocked(label string, in ...string) Witness {
	return Witness{Kind: Blocked, Label: label, In: in}
}

// Fired asks that a kernel event fired at least n times.
func Fired(event string, n int64) Witness { return Witness{Kind: EventFired, Event: event, N: n} }
