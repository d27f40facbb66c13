// Package wire is the control protocol between a virtual machine's guest and the host: JSON, one message a line, over a
// virtio-serial port.
//
// The guest greets with Hello and then obeys. Prepare has it make and mount a file system and start tracing; it says Phase as it goes
// and ends with Prepared. Then it says nothing until it is spoken to, which is the moment at which a machine can be snapshotted: no
// message is under way. A Job runs a program on what was prepared: the guest answers with events as they happen, asks (the disk is the host's)
// which the host answers by their ID, and ends with Done; nothing is mounted then, and the guest can be told to prepare anew. A guest
// that is a clone of a snapshot is told Wake first. By the self-test commands the harness's own tests see what a kernel that crashes or
// loops looks like.
package wire

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/iomapcheck/iomapcheck/harness/history"
)

// PortName is the name of the virtio-serial port.
const PortName = "iomapcheck.0"

// ToHost is a message of the guest; exactly one field is set.
type ToHost struct {
	Hello *Hello         `json:"hello,omitempty"`
	Event *history.Event `json:"event,omitempty"`
	Ask   *Ask           `json:"ask,omitempty"`
	Phase string         `json:"phase,omitempty"` // what the guest is about to do: mkfs, mount, run, …
	Done  *Done          `json:"done,omitempty"`
	// Prepared ends a preparation.
	Prepared *Prepared `json:"prepared,omitempty"`
	// Output and Exit are a shell's; see Shell.
	Output *Output `json:"output,omitempty"`
	Exit   *Exit   `json:"exit,omitempty"`
}

// ToGuest is a message of the host; exactly one field is set.
type ToGuest struct {
	Wake    *Wake    `json:"wake,omitempty"`
	Prepare *Prepare `json:"prepare,omitempty"`
	Job     *Job     `json:"job,omitempty"`
	Answer  *Answer  `json:"answer,omitempty"`
	// SelfTest has the guest misbehave: "panic" (sysrq c), "spin" (its only processor never comes back), "flood-console", "flood-events",
	// "garbage" (one line that is no message), "endless-line".
	SelfTest string `json:"self_test,omitempty"`
	// Shell starts a shell, Input is for it.
	Shell *Shell `json:"shell,omitempty"`
	Input *Input `json:"input,omitempty"`
}

// Hello is the guest's greeting.
type Hello struct {
	Release string `json:"release"` // uname -r
	CPUs    int    `json:"cpus"`
	// Uptime is the guest's CLOCK_MONOTONIC, in nanoseconds: of how it runs.
	Uptime int64 `json:"uptime"`
}

// Wake makes a clone of a snapshot a machine of its own: its clock is as old as the snapshot, and its random numbers are those of every
// other clone.
type Wake struct {
	// Realtime is the host's time in nanoseconds since 1970.
	Realtime int64 `json:"realtime"`
	// Entropy is what the kernel's random numbers are seeded with, never given to another clone.
	Entropy []byte `json:"entropy"`
}

// Prepare is a fresh file system, mounted, with tracing on.
type Prepare struct {
	// Modules are the names in the module index to load first.
	Modules []string `json:"modules"`
	// Mkfs is the command that makes the file system, its tool by name, the device included; empty to mount what is there.
	Mkfs []string `json:"mkfs"`
	// Device is mounted as Type with Options, in the form that mount(2) takes as data.
	Device  string `json:"device"`
	Type    string `json:"type"`
	Options string `json:"options"`
	Flags   uint64 `json:"flags"` // mount flags, MS_…
	// Attr is an attribute that every file gets when it is made, "" for none.
	Attr string `json:"attr,omitempty"`
	// DAX says that the mount has to be one without page cache: the guest finds out whether it is.
	DAX bool `json:"dax,omitempty"`
	// Zones has the guest make the device first, in its own memory; nil where there is one.
	Zones *Zones `json:"zones,omitempty"`
	// Folder is where the file system has files that nobody can make or remove, called 0, 1, …: a program's files are these, in the order
	// in which it names them. "" where files are made.
	Folder string `json:"folder,omitempty"`
	Trace
	// Recover says that a file system is there whose machine lost its power: to mount it is the kernel's duty, and its refusal an answer.
	Recover bool `json:"recover,omitempty"`
	// Spares is how many processes to start for the tasks of the program that will come.
	Spares int `json:"spares,omitempty"`
	// Limit bounds the preparation in nanoseconds: the last resort.
	Limit int64 `json:"limit"`
}

// Zones is a zoned null_blk, /dev/nullb0, with zones of 1 MiB.
type Zones struct {
	SizeMiB      int   `json:"size_mib"`
	Conventional int   `json:"conventional"` // how many zones, from the first on, are written anywhere
	Sector       int64 `json:"sector"`       // bytes
}

// Trace says what is traced.
type Trace struct {
	// Events are tracepoints (group:name) and Probes kernel functions to trace as iomapcheck:NAME.
	Events []string `json:"events"`
	Probes []string `json:"probes"`
}

// Prepared ends a preparation.
type Prepared struct {
	// Error is a fault of the harness or of the setup, "" for none.
	Error string `json:"error,omitempty"`
	// Unsupported says that this kernel lacks the file system, or refused to mount it, with the reason.
	Unsupported string `json:"unsupported,omitempty"`
	// Refused is the errno with which the kernel refused to mount a file system that was to be recovered.
	Refused string `json:"refused,omitempty"`
}

// Job is a program to run on the file system that was prepared.
type Job struct {
	Program string `json:"program"` // text form
	// Resume is the number of the operation to begin with, the one behind a power cut; 0 is the program's beginning.
	Resume int `json:"resume,omitempty"`
	// BranchAt is the number of the operation before which the guest asks how to go on (Branch), 0 for none.
	BranchAt int `json:"branch_at,omitempty"`
	// Trace is what the program wants traced: another tracing than the one prepared is started anew.
	Trace
	// RunLimit bounds the program and the final reads, SetupLimit what comes before, in nanoseconds: the last resort.
	RunLimit   int64 `json:"run_limit"`
	SetupLimit int64 `json:"setup_limit"`
	// Last says that the guest is not used again: it takes down nothing that tells nobody anything.
	Last bool `json:"last,omitempty"`
	// Nonce is a line that the guest writes to the kernel's log before it is done.
	Nonce string `json:"nonce"`
}

// Ask is a request of the guest to the host. Op is an operation in text form (hold, await held, release, fail, record, cut), or
// Clock, Requests, Heal or Branch. A cut is not answered unless it cannot be done: the guest's machine ends.
type Ask struct {
	ID int64  `json:"id"`
	Op string `json:"op"`
	// Clock comes with a cut and a branch: there is no Done that could say it.
	Clock *ClockOffset `json:"clock,omitempty"`
}

// ClockOffset is how a guest's clock stands to the host's.
type ClockOffset struct {
	// Offset is host time minus guest time, in nanoseconds, right within Error.
	Offset int64 `json:"offset"`
	Error  int64 `json:"error"`
}

// What else can be asked: the host's time in nanoseconds, how many requests the disk has got, fences left out, and an honest disk.
const (
	Clock    = "clock"
	Requests = "requests"
	Heal     = "heal" // ends every hold and every fail
	// Branch asks for the program to go on with. The guest says nothing more until it has the answer, so that its machine can be copied; what it
	// has written to the kernel's log before is BranchLine.
	Branch = "branch"
)

// BranchLine is the line that the guest writes to the kernel's log before it asks how to go on.
const BranchLine = "iomapcheck: branch"

// ClockLine begins a line that the guest writes to the kernel's log as a program starts: its own clock in nanoseconds follows, which tells how
// far the times of the log are ahead of it.
const ClockLine = "iomapcheck: clock "

// Answer answers an Ask.
type Answer struct {
	ID    int64  `json:"id"`
	Error string `json:"error,omitempty"`
	// Missed says that Error is a situation that did not come about, not a fault (exec.NotProvokedError).
	Missed bool `json:"missed,omitempty"`
	// Value is what was asked for, for Clock and Requests.
	Value int64 `json:"value,omitempty"`
	// Full says, for Requests, that the disk holds as many as QEMU has under way at a time: it will be asked for nothing more.
	Full bool `json:"full,omitempty"`
	// Program is what to go on with, in text form, for Branch.
	Program string `json:"program,omitempty"`
}

// Done ends a job.
type Done struct {
	// Error is a fault of the harness or of the setup, "" for none. Hang says that tasks did not end; then the guest is not to be used
	// again.
	Error string `json:"error,omitempty"`
	Hang  bool   `json:"hang,omitempty"`
	// Unsupported says that this kernel cannot do what the program wants, with the reason.
	Unsupported string `json:"unsupported,omitempty"`
	// Missing are events that this kernel does not have, with reasons.
	Missing []string `json:"missing,omitempty"`
	// Offset is host time minus guest time, in nanoseconds, right within ClockError.
	Offset     int64 `json:"offset"`
	ClockError int64 `json:"clock_error"`
	// Dirty says that the file system could not be unmounted: the guest is not to be used again.
	Dirty bool `json:"dirty,omitempty"`
	// BlockSize is the mounted file system's, in bytes.
	BlockSize int64 `json:"block_size,omitempty"`
}

// maxLine bounds a message, in bytes.
const maxLine = 4 << 20

// Conn is one end. Send may be called by any goroutine; Receive by one at a time.
type Conn struct {
	mu sync.Mutex // serialises Send
	w  io.Writer
	in *bufio.Scanner
}

// NewConn speaks over rw.
func NewConn(rw io.ReadWriter) *Conn {
	in := bufio.NewScanner(rw)
	in.Buffer(make([]byte, 64<<10), maxLine)
	return &Conn{w: rw, in: in}
}

// Send writes a message.
func (c *Conn) Send(message any) error {
	b, err := json.Marshal(message)
	if err != nil {
		return fmt.Errorf("encode control message: %w", err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, err := c.w.Write(append(b, '\n')); err != nil {
		return fmt.Errorf("send control message: %w", err)
	}
	return nil
}

// SendLast is Send, after which nobody's message is sent until more is called, which has to happen.
func (c *Conn) SendLast(message any) (more func(), err error) {
	b, err := json.Marshal(message)
	if err != nil {
		return func() {}, fmt.Errorf("encode control message: %w", err)
	}
	c.mu.Lock()
	if _, err := c.w.Write(append(b, '\n')); err != nil {
		c.mu.Unlock()
		return func() {}, fmt.Errorf("send control message: %w", err)
	}
	return c.mu.Unlock, nil
}

// SendRaw writes bytes that need not be a message: for tests of who receives them.
func (c *Conn) SendRaw(b []byte) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, err := c.w.Write(b); err != nil {
		return fmt.Errorf("send control message: %w", err)
	}
	return nil
}

// ErrEnded says that the other end is gone.
var ErrEnded = errors.New("control channel ended")

// Receive waits for a message.
func (c *Conn) Receive(into any) error {
	if !c.in.Scan() {
		if err := c.in.Err(); err != nil {
			return fmt.Errorf("receive control message: %w", err)
		}
		return ErrEnded
	}
	if err := json.Unmarshal(c.in.Bytes(), into); err != nil {
		return fmt.Errorf("decode control message %.80q: %w", c.in.Bytes(), err)
	}
	return nil
}
