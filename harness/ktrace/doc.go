// Package ktrace records kernel tracepoints and kprobe events in a tracefs instance of its own.
//
// An instance has its own ring buffer, clock and set of enabled events, so that nothing else that traces the machine is
// disturbed, and removing it switches everything off. Kprobe definitions alone are global; a Tracer puts its own into a
// group that carries its process number and reports them under ProbeGroup.
//
// # Layout in tracefs
//
//	instances/iomapcheck-<pid>/          the instance; whoever holds its flock is alive
//	  trace_clock                        "mono": CLOCK_MONOTONIC, the clock of the tasks
//	  events/<group>/<name>/enable       "1" for each event asked for
//	  trace                              the text that Read parses; reading takes nothing away
//	kprobe_events                        p:iomapcheck_<pid>/<name> <symbol> …
//	kprobe_profile                       hits that a probe missed
//	error_log                            why a probe was refused
//
// # When to start
//
// Events of a module exist only once it is loaded: load the file system first. Enabling an event patches kernel code
// (text_poke); under QEMU before version 10 with several emulated processors that can crash a busy guest, so start before the
// load and stop after it.
package ktrace
