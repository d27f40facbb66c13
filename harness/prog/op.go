package prog

// Op is one operation. Which fields count depends on the verb: the table in verbs.go says which, and Check enforces it.
type Op struct {
	Verb Verb

	// File names a file in the file system's root. Every file that a program names exists, empty, before it starts.
	File string
	// Off and Len are bytes. For truncate, Len is the new size; for memory high and max the limit, NoLimit for none.
	Off, Len int64
	Fill     Fill
	Flags    Flags
	// Buffer is the memory that a read or write names.
	Buffer Buffer
	// To is the file that clone makes share File's extents, or that copy-range copies to, from its byte ToOff on.
	To    string
	ToOff int64
	// Attr is the attribute that attr gives.
	Attr Attr
	// Mode is a fallocate mode.
	Mode FallocMode

	// Task is the task that go starts, join waits for, until watches, and await blocked looks at.
	Task string
	// Thread puts a task that go starts into the address space of the task that starts it.
	Thread bool
	// AIO names an asynchronous request from its submission to its reap.
	AIO string
	// In are the kernel functions of which one must be on the stack for await blocked; empty: any.
	In []string
	// Body is what a task, repeat or until runs.
	Body []Op
	// Count is how often repeat runs its body, how many requests await waits for or release lets go, how many fail fails
	// (0: all), how many writes a cut keeps.
	Count int64
	// Reqs says which disk requests hold and fail mean.
	Reqs Requests
	// Which picks the held requests that release lets go.
	Which Which
	// Keep is what a cut leaves beyond what the disk has promised.
	Keep Keep
	// Errno is what fail answers.
	Errno string
	// On is whether record switches on.
	On bool

	Expect Expect
	// Label names the operation for not-before, witnesses and rows; unique in a program, "" for none.
	Label string
}

// Flags are the open and call flags of an operation.
type Flags uint8

// The flags, spelled in text as dsync, nowait, direct and vectored.
const (
	DSync    Flags = 1 << iota // O_DSYNC
	NoWait                     // RWF_NOWAIT
	Direct                     // O_DIRECT, where the verb does not say it
	Vectored                   // the buffer is given in several pieces (preadv(2), pwritev(2))
)

// Requests is a set of disk request kinds.
type Requests uint8

// The kinds of disk requests; writes include discards and zeroing.
const (
	Reads Requests = 1 << iota
	Writes
	Flushes
	AllRequests = Reads | Writes | Flushes
)

// Which selects held requests.
type Which uint8

// Release everything and end the hold, or the first or last Count requests held.
const (
	All Which = iota
	Oldest
	Newest
)

// FallocMode is a mode of fallocate(2), by the name the text form gives it.
type FallocMode string

// The modes; alloc extends the size, keep does not.
const (
	FallocAlloc    FallocMode = "alloc"
	FallocKeep     FallocMode = "keep-size"
	FallocPunch    FallocMode = "punch-hole"
	FallocZero     FallocMode = "zero-range"
	FallocCollapse FallocMode = "collapse-range"
	FallocInsert   FallocMode = "insert-range"
	FallocUnshare  FallocMode = "unshare"
)

// FallocModes lists the modes.
func FallocModes() []FallocMode {
	return []FallocMode{FallocAlloc, FallocKeep, FallocPunch, FallocZero, FallocCollapse, FallocInsert, FallocUnshare}
}

// Expect is what an operation may return. The zero value: success, the full count.
type Expect struct {
	// Exact is the content a read must return, nil where not given.
	Exact Content
	// OneOf are the fills of which every byte of a read must be one, "" where not given.
	OneOf string
	// Counts are the counts (or sizes) it may return; nil: the full length.
	Counts []int64
	// Errnos it may fail with; with MustFail it must fail with one of them.
	Errnos   []string
	MustFail bool
	// MayBlock: the operation may wait for what a later operation of the same task sets going.
	MayBlock bool
	// Before bounds how often it may be overtaken.
	Before *Bypass
	// NotBefore is the label of the operation before whose beginning this one must not return.
	NotBefore string
}

// Bypass is a bound on progress that counts operations, not seconds: fewer than N operations of Task that were invoked
// after this one was may have returned before this one does.
type Bypass struct {
	N    int64
	Task string
}

// Witness is the evidence that a program's situation came about.
type Witness struct {
	Kind WitnessKind
	// Label is the operation that held-while and blocked speak of.
	Label string
	// Event is the tracepoint, as group:name, that event counts, and N how often it must have fired at least; for lost, how many
	// writes a cut must have lost at least.
	Event string
	N     int64
	// In are kernel functions of which one must have been on the sleeping task's stack; empty: any.
	In []string
}

// WitnessKind is a kind of evidence.
type WitnessKind string

// The kinds.
const (
	// HeldWhile: a disk request was held from before the operation began until after it returned.
	HeldWhile WitnessKind = "held-while"
	// Blocked: the operation was seen asleep in the kernel, on the target's word, before it returned.
	Blocked WitnessKind = "blocked"
	// EventFired: a kernel tracepoint or probe fired.
	EventFired WitnessKind = "event"
)

// Program is a case's program.
type Program struct {
	Ops       []Op
	Witnesses []Witness
	// Rules are about the kernel's events; all must hold.
	Rules []EventRule
}
