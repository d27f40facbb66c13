package harness

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// kernelStacks is where in the kernel the processes of a group are, a line each, innermost function first; nothing where that cannot be
// read, which needs root's rights.
func kernelStacks(group int) []string {
	var out []string
	dirs, _ := filepath.Glob("/proc/[0-9]*")
	for _, dir := range dirs {
		pid, err := strconv.Atoi(filepath.Base(dir))
		if err != nil || !inGroup(dir, group) {
			continue
		}
		stack, err := os.ReadFile(filepath.Join(dir, "stack"))
		if err != nil || len(stack) == 0 {
			continue
		}
		comm, _ := os.ReadFile(filepath.Join(dir, "comm"))
		out = append(out, fmt.Sprintf("%s (%d): %s", strings.TrimSpace(string(comm)), pid, functions(string(stack))))
	}
	return out
}

// inGroup reads the process group from /proc/PID/stat, behind the name, which may have anything in it.
func inGroup(dir string, group int) bool {
	stat, err := os.ReadFile(filepath.Join(dir, "stat"))
	text := string(stat)
	fields := strings.Fields(text[strings.LastIndex(text, ")")+1:])
	return err == nil && len(fields) > 2 && fields[2] == strconv.Itoa(group)
}

// functions are the names in a stack as /proc has it: "[<0>] inode_dio_wait+0xd4/0x120".
func functions(stack string) string {
	var out []string
	for line := range strings.Lines(stack) {
		if _, fn, ok := strings.Cut(strings.TrimSpace(line), "] "); ok {
			name, _, _ := strings.Cut(fn, "+")
			out = append(out, name)
		}
	}
	return strings.Join(out, " < ")
}
