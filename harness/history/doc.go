// Package history is what happened when a program ran: the events of one execution, in order, and their JSON-lines form.
//
// Every event carries Time, nanoseconds on the one clock that all tasks of the target share (in a guest CLOCK_MONOTONIC,
// which the trace uses too; in the reference engine the number of scheduling points). Disk events of a virtual machine are
// stamped by the host and brought onto that clock with an error that the target states (Header.ClockError); what must be ordered exactly
// is ordered by the program itself (await held, release).
package history
