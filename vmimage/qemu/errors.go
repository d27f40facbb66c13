package qemu

import (
	"errors"
	"fmt"
	"strings"
)

// BootError says that the kernel failed: it stopped running by itself, by a panic, a reset or a power-off nobody asked for.
type BootError struct {
	Reason  string // QEMU's word: guest-reset (a panic ends in one), guest-shutdown, guest-panic
	Console string // the console's last lines
}

// Error is one line: the reason, and the console's last line that says why, if there is one.
func (e *BootError) Error() string {
	return fmt.Sprintf("guest stopped by itself (%s): %s", e.Reason, telling(e.Console))
}

// telling picks the line of a console's tail that says most: a panic, a BUG, else the last one.
func telling(console string) string {
	last := "its console is empty"
	best := ""
	for line := range strings.Lines(console) {
		line = strings.TrimSpace(line)
		if line != "" {
			last = line
		}
		for _, mark := range []string{"Kernel panic", "BUG:", "Oops:", "kernel BUG at"} {
			if strings.Contains(line, mark) {
				best = line
			}
		}
	}
	if best != "" {
		return best
	}
	return last
}

// InfraError says that we failed, not the kernel: no QEMU, no descriptor, a full disk, an acceleration that does not work.
type InfraError struct {
	Op     string // what was being done
	Stderr string // the last of what QEMU wrote to its standard error, or empty
	Err    error
}

// Error is one line: what QEMU said, if it said something, else the cause.
func (e *InfraError) Error() string {
	if said := lastLine(e.Stderr); said != "" {
		return fmt.Sprintf("%s: %v: %s", e.Op, e.Err, said)
	}
	return fmt.Sprintf("%s: %v", e.Op, e.Err)
}

// Unwrap returns the cause.
func (e *InfraError) Unwrap() error { return e.Err }

func lastLine(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return strings.TrimSpace(lines[len(lines)-1])
}

// ErrNoQEMU says that the machine has no QEMU.
var ErrNoQEMU = errors.New("not installed")

// ErrRunState says that QEMU stopped the machine: internal-error is how an acceleration that does not work shows itself.
var ErrRunState = errors.New("QEMU stopped the machine")
