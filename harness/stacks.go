package harness

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// kernelStacks is where in the kernel the threads of a group's processes are, a line each, innermost function first; nothing where that cannot be
// read, which needs root's rights. proc is /proc.
func kernelStacks(proc string, group int) []string {
	var out []string
	for _, process := range numbered(proc) {
		if !inGroup(filepath.Join(proc, strconv.Itoa(process)), group) {
			continue
		}
		tasks := filepath.Join(proc, strconv.Itoa(process), "task")
		for _, thread := range numbered(tasks) {
			dir, name := filepath.Join(tasks, strconv.Itoa(thread)), strconv.Itoa(process)
			if thread != process {
				name += ", thread " + strconv.Itoa(thread)
			}
			if where := stackOf(dir); where != "" {
				out = append(out, fmt.Sprintf("%s (%s): %s", commOf(dir), name, where))
			}
		}
	}
	return out
}

// numbered are the entries of a directory whose names are numbers, in order; none where it has gone.
func numbered(dir string) []int {
	entries, _ := os.ReadDir(dir)
	var out []int
	for _, e := range entries {
		if n, err := strconv.Atoi(e.Name()); err == nil {
			out = append(out, n)
		}
	}
	slices.Sort(out)
	return out
}

// commOf is a thread's name.
func commOf(task string) string {
	comm, _ := os.ReadFile(filepath.Join(task, "comm"))
	return strings.TrimSpace(string(comm))
}

// stackOf is where in the kernel a thread is, "" where that cannot be read or it is not in it.
func stackOf(task string) string {
	stack, _ := os.ReadFile(filepath.Join(task, "stack"))
	return functions(string(stack))
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
