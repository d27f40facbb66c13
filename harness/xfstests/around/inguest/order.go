// Package inguest runs the tests of an xfstests tree, one at a time, in a guest of ours. It is started by the guest's shell as a program of its own
// and obeys the host on its standard input, a JSON message a line; it reports on its standard output.
//
// Prepare mounts the userland and the tree, two disks of the machine, below /userland, makes the file system on the TEST disk, and writes local.config.
// Test then runs the tree's check with one test; in a mount namespace of its own the userland is the root, so that nothing it mounts stays.
// Meanwhile the branches of the kernel that we care about are counted.
package inguest

import "time"

// The serials of the machine's disks, by which the guest knows them. TEST and SCRATCH are the first two parts of the programmable disk, or plain ones.
const (
	TestSerial, ScratchSerial           = "programmable-0", "programmable-1"
	PlainTestSerial, PlainScratchSerial = "plain-0", "plain-1"
	UserlandSerial, TreeSerial          = "programmable-2", "programmable-3"
)

// Where things are in the userland. TreeDir is also where the tree was built.
const (
	TreeDir    = "/srv"
	TestDir    = "/mnt/test"
	ScratchDir = "/mnt/scratch"
)

// The placeholders for devices in Prepare's texts.
const (
	TestDev    = "@TEST_DEV@"
	ScratchDev = "@SCRATCH_DEV@"
)

// Order is a message of the host; one field is set.
type Order struct {
	Prepare *Prepare `json:"prepare,omitempty"`
	Test    *Test    `json:"test,omitempty"`
}

// Prepare makes the guest ready for tests.
type Prepare struct {
	// Modules are loaded first; what the kernel lacks of them is left out.
	Modules []string `json:"modules"`
	// FSType has to be one that the kernel knows then.
	FSType string `json:"fstype"`
	// Mkfs is a shell's line that makes the file system on the TEST disk.
	Mkfs string `json:"mkfs"`
	// Plain takes the plain disks for TEST and SCRATCH.
	Plain bool `json:"plain,omitempty"`
	// Config is the text of local.config.
	Config string `json:"config"`
	// Limit bounds Mkfs.
	Limit time.Duration `json:"limit"`
}

// Test runs one test.
type Test struct {
	Name  string        `json:"name"` // generic/091
	Limit time.Duration `json:"limit"`
	// Report has check write its report in xunit's form.
	Report bool `json:"report,omitempty"`
	// Count has the branches counted.
	Count bool `json:"count,omitempty"`
}

// Report is a message of the guest; one field is set.
type Report struct {
	Prepared *Prepared `json:"prepared,omitempty"`
	// Output is what check has printed since the last report.
	Output string `json:"output,omitempty"`
	Done   *Done  `json:"done,omitempty"`
}

// Prepared ends a preparation.
type Prepared struct {
	Error string `json:"error,omitempty"` // a fault of ours
	// Unsupported says that this kernel or userland cannot have such a file system, with the reason.
	Unsupported string `json:"unsupported,omitempty"`
}

// Done ends a test.
type Done struct {
	Error string `json:"error,omitempty"` // a fault of ours
	// Code is check's exit code; it says nothing after a Hang.
	Code int `json:"code"`
	// Hang says that the test did not end within its limit; Stacks are those of what did not.
	Hang   bool   `json:"hang,omitempty"`
	Stacks string `json:"stacks,omitempty"`
	// Seconds is how long check ran, with its own checks before and after the test.
	Seconds float64 `json:"seconds"`
	// Files are what check and the test left in the results folder, by name, each at most maxFile bytes: of longer ones the end.
	Files map[string][]byte `json:"files,omitempty"`
	// Branches counts how often each was reached. A branch that is not there was not counted: Missing says why.
	Branches map[string]int64 `json:"branches,omitempty"`
	Missing  []string         `json:"missing,omitempty"`
	// AtLeast says that the kernel lost some events: the counts are lower bounds.
	AtLeast bool `json:"at_least,omitempty"`
}

// maxFile and maxFiles bound what of a test's files is sent: a message of the control channel has at most 4 MiB, and these are written in base64.
const (
	maxFile  = 512 << 10
	maxFiles = 2 << 20
)
