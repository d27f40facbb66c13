package oops

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Kind is what the kernel complains of. The names are stable: histories and reports carry them.
type Kind string

// The kinds.
const (
	Panic    Kind = "panic"     // Kernel panic - not syncing
	Oops     Kind = "oops"      // a fault in the kernel: bad pointer, general protection, divide error …
	Bug      Kind = "bug"       // BUG(), or a "BUG:" that has no kind of its own
	KASAN    Kind = "kasan"     // also KFENCE and KMSAN, which report the same mistakes
	KCSAN    Kind = "kcsan"     // a data race
	UBSAN    Kind = "ubsan"     // undefined behaviour
	Lockdep  Kind = "lockdep"   // lock order, lock state, RCU usage
	Lockup   Kind = "lockup"    // soft or hard lockup, workqueue lockup
	RCUStall Kind = "rcu-stall" // no quiescent state for too long
	Warning  Kind = "warning"   // WARN()
	Reboot   Kind = "reboot"    // a second "Linux version" line: the guest started again
	HungTask Kind = "hung-task" // a task blocked for more than N seconds

	FSCorruption Kind = "fs-corruption" // a filesystem found its metadata or a checksum wrong
	FSShutdown   Kind = "fs-shutdown"   // a filesystem stopped, went read-only or withdrew
	// StalePageCache: a direct write could not invalidate the page cache after it was done, so that the cache may keep older
	// data (dio_warn_stale_pagecache). It is no crash; File and Comm say whose.
	StalePageCache Kind = "stale-pagecache"
	IOError        Kind = "io-error" // the block layer or a filesystem tells of a failed request
)

// Severity orders findings by what they mean for a run.
type Severity uint8

// The severities.
const (
	// Info: worth showing; a case that makes the disk fail expects it.
	Info Severity = iota
	// Warn: something is wrong but the kernel goes on.
	Warn
	// FSBroken: a filesystem says that it is corrupted or has stopped.
	FSBroken
	// Crash: the kernel broke an invariant of its own.
	Crash
)

// String returns the severity's name in lower case.
func (s Severity) String() string {
	names := [...]string{"info", "warn", "fs-corruption", "crash"}
	if int(s) >= len(names) {
		return fmt.Sprintf("severity(%d)", uint8(s))
	}
	return names[s]
}

// severity says how bad a kind is.
func (k Kind) severity() Severity {
	switch k {
	case IOError:
		return Info
	case HungTask, StalePageCache:
		return Warn
	case FSCorruption, FSShutdown:
		return FSBroken
	}
	return Crash
}

// Finding is one report of the kernel.
type Finding struct {
	Kind Kind
	// Title names the problem in one line without addresses and numbers, so that two reports of one problem have one title:
	// "WARNING in iomap_dio_complete".
	Title    string
	Severity Severity
	// Lines is the report as printed, without line ends, times and caller prefixes; at most maxLines.
	Lines []string
	// Frames are the functions of the first stack, innermost first, without those the unwinder is not sure of.
	Frames []string
	// Comm and PID are the task that was running, or that hangs; empty and 0 if not printed.
	Comm string
	PID  int
	// CPU is the processor's number, -1 if not printed.
	CPU int
	// File is the name of the file that a StalePageCache is about.
	File string
	// Time is the first line's, on the kernel's clock since its start; -1 if it has none.
	Time time.Duration
	// Offset is where the first line starts, in bytes from the start of the text, and Line its number from 1.
	Offset int64
	Line   int
	// Cut reports that the text ended, or the line limit was reached, before the report did.
	Cut bool
}

// String returns the kind, the title and the task: "warning: WARNING in iomap_dio_complete (xfs_io/123)".
func (f Finding) String() string {
	text := fmt.Sprintf("%s: %s", f.Kind, f.Title)
	if f.Comm != "" {
		text += fmt.Sprintf(" (%s/%d)", f.Comm, f.PID)
	}
	return text
}

// Stack returns the lines of the report that name functions of the kernel, as printed: where it stopped, and the first backtrace.
func (f Finding) Stack() []string {
	var stack []string
	ready := f.Kind != Lockdep
	for _, line := range f.Lines {
		ready = ready || strings.HasPrefix(line, "stack backtrace:")
		isFrame := ready && (frame(line) != "" || reRIP.MatchString(line))
		if isFrame && !slices.Contains(stack, strings.TrimSpace(line)) {
			stack = append(stack, strings.TrimSpace(line))
		}
		if len(stack) > 0 && reEndTask.MatchString(line) {
			break
		}
	}
	return stack
}
