// Package wire is the control protocol between a virtual machine's guest and the host: JSON, one message a line, over a
// virtio-serial port.
//
// The guest greets with Hello and then obeys: the host sends a Job, the guest answers with events as they happen, asks (the disk is
// the host's) which the host answers by their ID, and ends with Done. Between jobs it obeys the self-test commands, by which the harness's own tests
// see what a kernel that crashes or loops looks like.
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
}

// ToGuest is a message of the host; exactly one field is set.
type ToGuest struct {
	Job    *Job    `json:"job,omitempty"`
	Answer *Answer `json:"answer,omitempty"`
	// SelfTest has the guest misbehave: "panic" (sysrq c), "spin" (its only processor never comes back).
	SelfTest string `json:"self_test,omitempty"`
}

// Hello is the guest's greeting.
type Hello struct {
	Release string `json:"release"` // uname -r
	CPUs    int    `json:"cpus"`
}

// Job is a program to run on a fresh file system.
type Job struct {
	Program string `json:"program"` // text form
	// Modules are the names in the module index to load first.
	Modules []string `json:"modules"`
	// Mkfs is the command that makes the file system, its tool by name, the device included.
	Mkfs []string `json:"mkfs"`
	// Device is mounted as Type with Options, in the form that mount(2) takes as data.
	Device  string `json:"device"`
	Type    string `json:"type"`
	Options string `json:"options"`
	Flags   uint64 `json:"flags"` // mount flags, MS_…
	// Attr is an attribute that every file gets when it is made, "" for none.
	Attr string `json:"attr,omitempty"`
	// Events are tracepoints (group:name) and Probes kernel functions to trace as iomapcheck:NAME.
	Events []string `json:"events"`
	Probes []string `json:"probes"`
	// RunLimit bounds the program and the final reads, SetupLimit what comes before, in nanoseconds: the last resort.
	RunLimit   int64 `json:"run_limit"`
	SetupLimit int64 `json:"setup_limit"`
	// Nonce is a line that the guest writes to the kernel's log before it is done.
	Nonce string `json:"nonce"`
}

// Ask is a request of the guest to the host. Op is an operation in text form (hold, await held, release, fail, record), or
// Clock, Requests or Heal.
type Ask struct {
	ID int64  `json:"id"`
	Op string `json:"op"`
}

// What else can be asked: the host's time in nanoseconds, how many requests the disk has got, fences left out, and an honest disk.
const (
	Clock    = "clock"
	Requests = "requests"
	Heal     = "heal" // ends every hold and every fail
)

// FenceSize is the size of the disk's end, in bytes, that the guest reads from to let everything before be answered: no
// hold or fail concerns requests that lie in it.
const FenceSize = 4096

// Answer answers an Ask.
type Answer struct {
	ID    int64  `json:"id"`
	Error string `json:"error,omitempty"`
	// Missed says that Error is a situation that did not come about, not a fault (exec.NotProvokedError).
	Missed bool `json:"missed,omitempty"`
	// Value is what was asked for, for Clock and Requests.
	Value int64 `json:"value,omitempty"`
}

// Done ends a job.
type Done struct {
	// Error is a fault of the harness or of the setup, "" for none. Hang says that tasks did not end; then the guest is not to be used
	// again.
	Error string `json:"error,omitempty"`
	Hang  bool   `json:"hang,omitempty"`
	// Unsupported says that this kernel lacks the file system, or refused to mount it, with the reason.
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
