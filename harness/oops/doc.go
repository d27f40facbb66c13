// Package oops finds in a console text what the kernel complains of: panics, oopses, BUGs, WARNs, sanitizer, lockdep, stall and
// hang reports, broken filesystems, and stale page cache.
//
// A console is read line by line by a Parser, or as a whole by Parse. Lines may have times, log levels and callers in front, may
// end in \r\n, may be cut anywhere and may contain junk. Reports of several processors that the kernel printed at the same
// time are told apart by the caller prefix ("[ T123]", "[    C1]") of kernels with CONFIG_PRINTK_CALLER; without it, a report
// ends where another begins.
//
// The judge decides what a finding means; the package only says what stands there.
package oops
