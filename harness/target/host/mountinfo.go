package host

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// mount is what is known of the file system of a path.
type mount struct {
	kind, options string // type and options, as the kernel shows them
	block         int64  // bytes
	// stat is the file with the counters of its device, "" where it stands on none.
	stat string
	// device is the name of its device, as in loop0, "" where it stands on none.
	device string
}

// mountOf finds the mount of a path: the one with the path's device number, as statx gives it.
func mountOf(path string) (mount, error) {
	var fs unix.Statfs_t
	if err := unix.Statfs(path, &fs); err != nil {
		return mount{}, fmt.Errorf("ask what %s is on: %w", path, err)
	}
	table, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return mount{}, fmt.Errorf("ask what %s is on: %w", path, err)
	}
	absolute, err := filepath.EvalSymlinks(path)
	if err != nil {
		return mount{}, fmt.Errorf("ask what %s is on: %w", path, err)
	}
	if absolute, err = filepath.Abs(absolute); err != nil {
		return mount{}, fmt.Errorf("ask what %s is on: %w", path, err)
	}
	m, ok := longest(string(table), absolute)
	if !ok {
		return mount{}, fmt.Errorf("ask what %s is on: it is in no mount of /proc/self/mountinfo", path)
	}
	m.block = fs.Bsize
	return m, nil
}

// longest is the mount that a path is in: the last of those with the longest mount point.
func longest(table, path string) (found mount, ok bool) {
	best := -1
	for line := range strings.Lines(table) {
		at, m, valid := parseMount(line)
		inside := path == at || at == "/" || strings.HasPrefix(path, at+"/")
		if valid && inside && len(at) >= best {
			best, found, ok = len(at), m, true
		}
	}
	return found, ok
}

// parseMount reads a line of mountinfo: "36 35 98:0 /root /at options … - type source super-options".
func parseMount(line string) (at string, m mount, ok bool) {
	before, after, ok := strings.Cut(line, " - ")
	fields, tail := strings.Fields(before), strings.Fields(after)
	if !ok || len(fields) < 6 || len(tail) < 3 {
		return "", mount{}, false
	}
	m = mount{kind: tail[0], options: fields[5] + "," + tail[2], stat: counters(fields[2], unescape(tail[1]))}
	if source := unescape(tail[1]); strings.HasPrefix(source, "/dev/") {
		m.device = filepath.Base(source)
	}
	return unescape(fields[4]), m, true
}

// counters is the file of a device's counters. What has a number of its own, as btrfs has, names its device as its source.
func counters(number, source string) string {
	path := "/sys/dev/block/" + number + "/stat"
	if !strings.HasPrefix(number, "0:") {
		return path
	}
	var st unix.Stat_t
	if err := unix.Stat(source, &st); err != nil || st.Mode&unix.S_IFMT != unix.S_IFBLK {
		return ""
	}
	return fmt.Sprintf("/sys/dev/block/%d:%d/stat", unix.Major(st.Rdev), unix.Minor(st.Rdev))
}

// unescape undoes the octal escapes of mountinfo.
func unescape(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+3 < len(s) {
			if n, err := strconv.ParseUint(s[i+1:i+4], 8, 8); err == nil {
				b.WriteByte(byte(n))
				i += 3
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}
