package inguest

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// maxStacks bounds the text of stacks, in bytes.
const maxStacks = 256 << 10

// stacks tells where the tasks of a session are, and every task that sleeps uninterruptibly, whosever it is.
func stacks(session int) string {
	var out strings.Builder
	tasks, _ := filepath.Glob("/proc/[0-9]*/task/[0-9]*")
	for _, task := range tasks {
		stat, err := os.ReadFile(task + "/stat")
		if err != nil {
			continue // it has ended
		}
		name, state, of := parseStat(string(stat))
		if of != session && state != "D" {
			continue
		}
		stack, _ := os.ReadFile(task + "/stack")
		fmt.Fprintf(&out, "%s/%s, state %s:\n%s", name, filepath.Base(task), state, stack)
		if out.Len() > maxStacks {
			out.WriteString("… and more\n")
			break
		}
	}
	return out.String()
}

// parseStat takes a task's name, state and session from /proc/PID/stat (proc(5)). A name may have spaces and parentheses.
func parseStat(text string) (name, state string, session int) {
	_, text, _ = strings.Cut(text, "(")
	end := strings.LastIndex(text, ") ")
	if end < 0 {
		return "", "", 0
	}
	name = text[:end]
	fields := strings.Fields(text[end+2:])
	if len(fields) < 4 {
		return name, "", 0
	}
	_, _ = fmt.Sscan(fields[3], &session) // the kernel writes numbers
	return name, fields[0], session
}
