package ktrace

import (
	"bufio"
	"fmt"
	"io"
	"math"
	"regexp"
	"strconv"
	"strings"
)

// record is what the text of a trace file says.
type record struct {
	events []Event
	lost   int64
}

// parse reads the text of an instance's trace file, as 5.10 to 7.2 write it, until an event later than until (nanoseconds), which is left
// out: events are in the order of time. Groups maps an event's name to its group. On an error the record has what came before.
//
// A line is one of these; an event's is the only one that begins with a space, for names have at most 15 bytes and are put right in 16:
//
//	# entries-in-buffer/entries-written: 65/823   #P:1
//	##### CPU 1 buffer started ####
//	CPU:0 [LOST 12 EVENTS]
//	              dd-142     [000] .....     6.993692: iomap_iter: dev 254:0 ino 0x83
func parse(text io.Reader, groups map[string]string, until int64) (record, error) {
	var r record
	in := bufio.NewReaderSize(text, bufferSize)
	for n := 1; ; n++ {
		line, err := in.ReadString('\n')
		if err != nil && err != io.EOF {
			return r, err
		}
		if bad := r.add(strings.TrimSuffix(line, "\n"), groups); bad != nil {
			return r, fmt.Errorf("parse line %d: %w", n, bad)
		}
		if r.trim(until) || err == io.EOF {
			return r, nil
		}
	}
}

// bufferSize is how much of the trace is read ahead, in bytes.
const bufferSize = 64 << 10

// trim drops the last event if it is later than until, and says so.
func (r *record) trim(until int64) bool {
	last := len(r.events) - 1
	if last < 0 || r.events[last].Time <= until {
		return false
	}
	r.events = r.events[:last]
	return true
}

func (r *record) add(line string, groups map[string]string) error {
	switch {
	case line == "" || line[0] == '#':
		r.lost += overwritten(line)
	case line[0] == 'C':
		n, err := lostLine(line)
		r.lost += n
		return err
	default:
		e, err := parseEvent(line, groups)
		if err != nil {
			return err
		}
		r.events = append(r.events, e)
	}
	return nil
}

// overwritten gives what the header's "entries-in-buffer/entries-written: 65/823" says was lost (print_event_info in
// kernel/trace/trace.c), 0 for any other comment.
func overwritten(line string) int64 {
	var have, written int64
	if _, err := fmt.Sscanf(line, "# entries-in-buffer/entries-written: %d/%d", &have, &written); err != nil {
		return 0
	}
	return max(0, written-have)
}

// lostLine reads "CPU:0 [LOST 12 EVENTS]" and, when the kernel does not know how many, "CPU:0 [LOST EVENTS]" (print_trace_line in
// kernel/trace/trace.c).
func lostLine(line string) (int64, error) {
	m := lostForm.FindStringSubmatch(line)
	if m == nil {
		return 0, fmt.Errorf("neither an event nor a count of lost events: %q", line)
	}
	if m[1] == "" {
		return 1, nil
	}
	n, err := strconv.ParseInt(m[1], 10, 64)
	if err != nil {
		return 0, fmt.Errorf("count lost events in %q: %w", line, err)
	}
	return n, nil
}

var lostForm = regexp.MustCompile(`^CPU:\d+ \[LOST (?:(\d+) )?EVENTS\]$`)

// eventForm is trace_print_context in kernel/trace/trace_output.c: name, thread, maybe the process (option record-tgid), processor, maybe
// flags (option irq-info; four of them until 5.16, then five), seconds and microseconds, the event's own text. The name may have
// anything in it, brackets and dashes too, but is too short to hold something that looks like all the rest; so the first match is right.
var eventForm = regexp.MustCompile(
	`^ +(.*?)-(\d+) +(?:\([ \d-]+\) +)?\[(\d{3,})\] (?:[!-~]{4,5} +)? *(\d+)\.(\d{6}): (.*)$`)

func parseEvent(line string, groups map[string]string) (Event, error) {
	m := eventForm.FindStringSubmatch(line)
	if m == nil {
		return Event{}, fmt.Errorf("not an event: %q", line)
	}
	e := Event{Comm: m[1]}
	var err error
	if e.PID, err = strconv.Atoi(m[2]); err != nil {
		return Event{}, fmt.Errorf("read thread number in %q: %w", line, err)
	}
	if e.CPU, err = strconv.Atoi(m[3]); err != nil {
		return Event{}, fmt.Errorf("read processor in %q: %w", line, err)
	}
	if e.Time, err = nanoseconds(m[4], m[5]); err != nil {
		return Event{}, fmt.Errorf("read time in %q: %w", line, err)
	}
	name, fields, err := splitText(m[6])
	if err != nil {
		return Event{}, fmt.Errorf("read event name in %q: %w", line, err)
	}
	if g := groups[name]; g != "" {
		name = g + ":" + name
	}
	e.Name, e.Fields = name, fields
	return e, nil
}

// second in nanoseconds.
const second = 1_000_000_000

func nanoseconds(sec, usec string) (int64, error) {
	s, err := strconv.ParseInt(sec, 10, 64)
	if err != nil {
		return 0, err
	}
	if s >= math.MaxInt64/second {
		return 0, fmt.Errorf("%d seconds: %w", s, strconv.ErrRange)
	}
	us, err := strconv.ParseInt(usec, 10, 64)
	return s*second + us*1000, err
}

// splitText takes an event's name off its text. System calls print themselves without one: "sys_openat(dfd: 3, …)" and
// "sys_openat -> 0x3" (kernel/trace/trace_syscalls.c) are syscalls:sys_enter_openat and syscalls:sys_exit_openat.
func splitText(text string) (name, fields string, err error) {
	if m := namedForm.FindStringSubmatch(text); m != nil {
		return m[1], m[2], nil
	}
	if m := syscallForm.FindStringSubmatch(text); m != nil {
		if m[2] == "(" {
			return "sys_enter_" + m[1], "(" + m[3], nil
		}
		return "sys_exit_" + m[1], m[3], nil
	}
	return "", "", fmt.Errorf("%q does not begin with one", text)
}

var (
	namedForm   = regexp.MustCompile(`^([A-Za-z_]\w*):(?: (.*))?$`)
	syscallForm = regexp.MustCompile(`^sys_(\w+)(\(| -> )(.*)$`)
)
