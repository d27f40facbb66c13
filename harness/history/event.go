package history

import "github.com/iomapcheck/iomapcheck/harness/prog"

// Kind says what an event is.
type Kind string

// The kinds of events, and the fields that go with them.
const (
	// Invoke: a task begins operation Op. Iter counts an operation's repetitions in a loop, from 0.
	Invoke Kind = "invoke"
	// Return: the operation ended with N (bytes, or a size) or Errno, and what a read returned in Data. For an
	// asynchronous request the submission's return says that it was queued, and the reap's return has its result.
	Return Kind = "return"
	// Blocked: the operation was seen asleep; Where is the kernel stack, innermost function first.
	Blocked Kind = "blocked"
	// Disk: a request to the disk; What says how far it has come.
	Disk Kind = "disk"
	// Trace: a kernel tracepoint or probe fired; Name is group:name, Text its fields.
	Trace Kind = "trace"
	// Console: the kernel's log reported something; Name is the finding's kind, Text its title.
	Console Kind = "console"
	// Final: a file as a path sees it after all tasks have ended; Path is one of the FinalPaths, N the size.
	Final Kind = "final"
	// Hang: a task did not end; Where is its kernel stack, Op the operation it is in, and Name its state as in /proc: S or D
	// asleep, R running, "" unknown, or what the engine found out: Starved or Livelock. A guest that fell silent as a whole is the
	// task "guest".
	Hang Kind = "hang"
	// Note: something the target wants known, such as a file system without direct I/O.
	Note Kind = "note"
)

// Event is one thing that happened. Fields that a kind does not use are zero.
type Event struct {
	Kind Kind   `json:"kind"`
	Time int64  `json:"t"`
	Task string `json:"task,omitempty"`
	Op   int    `json:"op"` // number of the operation in the program, -1 for none
	Iter int    `json:"iter,omitempty"`

	N     int64        `json:"n,omitempty"`
	Errno string       `json:"errno,omitempty"`
	Data  prog.Content `json:"data,omitempty"`

	Where []string `json:"where,omitempty"`
	Name  string   `json:"name,omitempty"`
	// Folio tells the folio that a trace event is about from others of the same run, "" where it does not say.
	Folio string `json:"folio,omitempty"`
	Text  string `json:"text,omitempty"`

	What    What   `json:"what,omitempty"`
	Request int64  `json:"request,omitempty"`
	Dir     string `json:"dir,omitempty"` // read, write, flush, trim or zero
	Off     int64  `json:"off,omitempty"` // bytes on the disk
	Len     int64  `json:"len,omitempty"`

	Path string `json:"path,omitempty"`
	File string `json:"file,omitempty"`
}

// The states of a Hang by which the engine says that a task waits in vain though others get on, or that tasks go on for ever without
// any getting on.
const (
	Starved  = "starved"
	Livelock = "livelock"
)

// PowerCut is the name of the note that tells of a power cut: N is how many requests that the disk had answered are lost by it.
const PowerCut = "power-cut"

// What is the stage of a disk request.
type What string

// The stages. Arrived is not recorded where an answer follows at once.
const (
	Arrived  What = "arrived"
	Held     What = "held"
	Released What = "released"
	Answered What = "answered"
	Failed   What = "failed"
)

// FinalPath is a way to read a file after the run, in the order in which they are tried.
type FinalPath string

// The ways: through a mapping, the page cache, directly; after the clean folios are dropped; after a remount. FinalSync is the fsync in
// between, which has an errno but no content.
const (
	FinalMapped          FinalPath = "mapped"
	FinalBuffered        FinalPath = "buffered"
	FinalDirect          FinalPath = "direct"
	FinalSync            FinalPath = "fsync"
	FinalDropped         FinalPath = "buffered after drop-caches"
	FinalRemountBuffered FinalPath = "buffered after remount"
	FinalRemountDirect   FinalPath = "direct after remount"
)

// Header describes the execution.
type Header struct {
	Target  string `json:"target"`           // refengine, vm or host
	Kernel  string `json:"kernel,omitempty"` // release
	FS      string `json:"fs"`
	Variant string `json:"variant,omitempty"` // of the file system
	// BlockSize is the file system's block size in bytes.
	BlockSize int64 `json:"block_size,omitempty"`
	// ClockError bounds how far disk events may be off the tasks' clock, in nanoseconds.
	ClockError int64 `json:"clock_error,omitempty"`
}

// History is one execution of a program.
type History struct {
	Header Header
	Events []Event
}

// Of returns the events of one kind, in order.
func (h *History) Of(k Kind) []Event {
	var out []Event
	for _, e := range h.Events {
		if e.Kind == k {
			out = append(out, e)
		}
	}
	return out
}
