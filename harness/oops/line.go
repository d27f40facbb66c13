package oops

import (
	"regexp"
	"strconv"
	"strings"
	"time"
)

// The prefixes of a console line, in their order: a log level ("<4>"), the time, and with CONFIG_PRINTK_CALLER the task or
// processor that printed it (kernel/printk/printk.c: print_syslog, print_time, print_caller).
var (
	reLevel  = regexp.MustCompile(`^<\d+>`)
	reTime   = regexp.MustCompile(`^\[ *(\d+)\.(\d{6})\]`)
	reCaller = regexp.MustCompile(`^ ?\[ *([TC]\d+)\]`)
)

// maxLine is the longest line that is looked at, in bytes; what is behind it is junk. The kernel's own limit is 1 KiB.
const maxLine = 4 << 10

// Time returns the time that a line begins with, on the kernel's own clock since its start, false if it has none. CONFIG_PRINTK_TIME
// kernels print it for each line.
func Time(line string) (time.Duration, bool) {
	m := reTime.FindStringSubmatch(line[len(reLevel.FindString(line)):])
	if m == nil {
		return 0, false
	}
	seconds, err := strconv.ParseInt(m[1], 10, 32)
	micros, errMicros := strconv.ParseInt(m[2], 10, 64)
	if err != nil || errMicros != nil {
		return 0, false
	}
	return time.Duration(seconds)*time.Second + time.Duration(micros)*time.Microsecond, true
}

// clean returns what the kernel printed in a line and who printed it, "" if the line does not say.
func clean(line string) (body, caller string) {
	if len(line) > maxLine {
		line = line[:maxLine]
	}
	line = strings.ToValidUTF8(strings.TrimRight(line, "\r\n"), "\uFFFD")
	line = line[len(reLevel.FindString(line)):]
	if at := reTime.FindString(line); at != "" {
		line = line[len(at):]
	}
	if m := reCaller.FindStringSubmatch(line); m != nil {
		line, caller = line[len(m[0]):], m[1]
	}
	return strings.TrimRight(strings.TrimPrefix(line, " "), " \t"), caller
}
