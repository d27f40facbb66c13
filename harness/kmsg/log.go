// Package kmsg listens to the log of the kernel that this process runs on (/dev/kmsg): what it says while something is tried, and what it
// complains of in it.
package kmsg

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/iomapcheck/iomapcheck/harness/oops"
)

// Log is what the kernel says from a moment on. It is the whole machine's: what somebody else's work makes it say stands in the
// history as well, as it does for dmesg's other readers.
type Log struct {
	fd    int
	begun string
	// ahead is how far the log's times are ahead of CLOCK_MONOTONIC, in nanoseconds.
	ahead  int64
	parser *oops.Parser
	// overrun says that records were overwritten before they were read.
	overrun bool
}

// Finding is a finding with its time on CLOCK_MONOTONIC, in nanoseconds.
type Finding struct {
	oops.Finding
	At int64
}

// Open opens the log at its end and writes a first line there that says what begins. It needs root's rights. Close ends it. Its methods are called by one
// goroutine at a time.
func Open(what string) (*Log, error) {
	fd, err := unix.Open("/dev/kmsg", unix.O_RDWR|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("open the kernel's log: %w", err)
	}
	l := &Log{fd: fd, begun: "iomapcheck: " + what, parser: oops.NewParser()}
	if err := l.begin(); err != nil {
		return nil, errors.Join(err, unix.Close(fd))
	}
	return l, nil
}

func (l *Log) begin() error {
	if _, err := unix.Seek(l.fd, 0, unix.SEEK_END); err != nil {
		return fmt.Errorf("go to the end of the kernel's log: %w", err)
	}
	now := monotonic()
	if _, err := unix.Write(l.fd, []byte("<6>"+l.begun+"\n")); err != nil {
		return fmt.Errorf("write to the kernel's log: %w", err)
	}
	for {
		r, err := l.next()
		switch {
		case err != nil:
			return err
		case r == nil:
			return nil // the log is limited in rate, or full: times are as they come
		case strings.Contains(r.text, l.begun):
			l.ahead = r.time - now
			return nil
		}
	}
}

// Close stops listening.
func (l *Log) Close() { unix.Close(l.fd) }

// record is one of /dev/kmsg: its level, its time in nanoseconds, and its first line.
type record struct {
	level int
	time  int64
	text  string
}

// next reads a record; nil at the end.
func (l *Log) next() (*record, error) {
	buf := make([]byte, 8<<10)
	for {
		n, err := unix.Read(l.fd, buf)
		switch err {
		case nil:
			r := parseRecord(string(buf[:n]))
			return &r, nil
		case unix.EAGAIN:
			return nil, nil
		case unix.EPIPE:
			l.overrun = true
		case unix.EINTR:
		default:
			return nil, fmt.Errorf("read the kernel's log: %w", err)
		}
	}
}

// parseRecord reads "6,1234,5678901,-;text\n KEY=value\n" (Documentation/ABI/testing/dev-kmsg); times are in microseconds.
func parseRecord(s string) record {
	head, text, _ := strings.Cut(s, ";")
	text, _, _ = strings.Cut(text, "\n")
	fields := strings.Split(head, ",")
	var r record
	r.text = text
	if len(fields) > 2 {
		prefix, _ := strconv.Atoi(fields[0])
		micros, _ := strconv.ParseInt(fields[2], 10, 64)
		r.level, r.time = prefix&7, micros*1000
	}
	return r
}

// String is the record as a console shows it.
func (r record) String() string {
	return fmt.Sprintf("[%5d.%06d] %s", r.time/1e9, r.time%1e9/1e3, r.text)
}

// Read is what the kernel has said since the last Read, as a console shows it, and what it complains of in it. What could not be read is told of at the
// text's end.
func (l *Log) Read() (text string, found []Finding) {
	var b strings.Builder
	take := func(f oops.Finding) {
		found = append(found, Finding{f, f.Time.Nanoseconds() - l.ahead})
	}
	for {
		r, err := l.next()
		if err != nil {
			fmt.Fprintf(&b, "iomapcheck: %v\n", err) // what could be read is evidence all the same
		}
		if r == nil {
			break
		}
		fmt.Fprintln(&b, r)
		if f := l.parser.Line(r.String()); f != nil {
			take(*f)
		}
	}
	for _, f := range l.parser.Close() {
		take(f)
	}
	if l.overrun {
		fmt.Fprintln(&b, "iomapcheck: some of it was overwritten before it could be read")
	}
	l.parser, l.overrun = oops.NewParser(), false
	return b.String(), found
}

// monotonic is CLOCK_MONOTONIC in nanoseconds.
func monotonic() int64 {
	var ts unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts) // it cannot fail with a valid pointer
	return ts.Nano()
}
