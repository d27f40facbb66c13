// Package around runs the stock tests of an xfstests tree in our virtual machines, on our kernels.
//
// The tree is built once, in a userland made of distribution packages, and becomes a disk of the machines, as the userland does; what a machine
// writes to either is thrown away with it. TEST and SCRATCH are two halves of the programmable disk, or plain disks. A machine runs one test after
// another, each by the tree's own check and under a time limit; after a crash, a hang or a WARN the next test gets a clone of the snapshot that
// was taken of the first machine before its first test. What check says (its report in xunit's form, its exit code) and what the kernel said on
// the console make one verdict of the project's kinds: a test that check did not run is unsupported, never ok.
//
//	tree.go, build.go     an xfstests tree, and the disk that is made of it
//	groups.go, unit.go    which tests there are, and which are meant
//	config.go, column.go  local.config: read, and written from our file systems
//	expunge.go            lists of tests to leave out, in xfstests' own format
//	machine.go, pool.go   machines: what they are made with, and those that wait for a test
//	station.go            the state in which machines are snapshotted
//	session.go            a machine with package inguest at work in it
//	check.go, judge.go    what check said, and what is made of it
//	verdict.go            the verdict as it is kept and shown
//	runner.go, resume.go  one test after the other; a run that is continued
package around
