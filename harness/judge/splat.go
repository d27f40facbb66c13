package judge

import (
	"slices"

	"github.com/iomapcheck/iomapcheck/harness/history"
)

// CrashKinds lists the console findings that are a crash, by the name that a Console event carries (harness/oops gives them):
// what the kernel reports of itself when an invariant of its own is broken, a restart that nobody asked for, and a file
// system that found itself corrupted or stopped.
func CrashKinds() []string {
	return []string{"panic", "oops", "bug", "kasan", "kcsan", "ubsan", "lockdep", "lockup", "rcu-stall", "warning", "reboot",
		fsCorruption, fsShutdown}
}

// fsShutdown is no crash where the program makes the disk fail: a file system that cannot write its log has to stop.
const fsShutdown = "fs-shutdown"

const fsCorruption = "fs-corruption"

// HangKinds lists the console findings that are a hang.
func HangKinds() []string { return []string{"hung-task"} }

// The two forms in which the kernel says that a direct write left stale page cache behind: the console's "Page cache invalidation
// failure on direct I/O" and the function that prints it, which is not limited in rate (mm/filemap.c:dio_warn_stale_pagecache).
const (
	staleFinding = "stale-pagecache"
	staleProbe   = "iomapcheck:dio_warn_stale_pagecache"
)

// splats is rule 1: the first crash or hung task that the console reports. Findings of other kinds are noted.
func (r *run) splats() *Result {
	for _, e := range r.history.Of(history.Console) {
		switch {
		case e.Name == fsShutdown && r.injectedAny():
		case (e.Name == fsShutdown || e.Name == fsCorruption) && r.unmountable() != nil:
			// That the file system could not be mounted says it all.
		case slices.Contains(CrashKinds(), e.Name):
			return r.splat(Crash, e)
		case slices.Contains(HangKinds(), e.Name) && r.heldLong():
			// Tasks that wait for what the program holds are reported too, after long enough. Rule 2 knows of those that never
			// got on.
		case slices.Contains(HangKinds(), e.Name):
			return r.splat(Hang, e)
		}
		r.note("console: %s: %s", e.Name, e.Text)
	}
	for _, e := range r.history.Of(history.Note) {
		if e.Text != "" {
			r.note("%s: %s", e.Name, e.Text)
		}
	}
	return nil
}

func (r *run) splat(v Verdict, e history.Event) *Result {
	if e.Op >= 0 && e.Task == r.steps[e.Op].Task {
		return about(v, RuleSplat, r.steps[e.Op], "%s: %s", e.Name, e.Text)
	}
	return general(v, RuleSplat, "%s: %s", e.Name, e.Text)
}
