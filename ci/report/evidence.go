package report

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"

	"github.com/iomapcheck/iomapcheck/harness/history"
	"github.com/iomapcheck/iomapcheck/harness/oops"
	"github.com/iomapcheck/iomapcheck/harness/prog"
)

// Evidence is what a verdict rests on. Fields are zero where there is no such file.
type Evidence struct {
	// Text is the program as it ran, and Reduced the fewest operations that fail by the same rule, as files have them.
	Text, Reduced string
	Program       prog.Program
	History       *history.History
	// Console is the kernel's log, Findings what it complains of.
	Console  string
	Findings []oops.Finding
	// Diagnosis has the kernel's stacks of a hang; Machine is the command line of the virtual machine; Fault our own error.
	Diagnosis, Machine, Fault string
}

// maxHistory bounds, in bytes, the histories that are read for a picture: those of a loop that ran for minutes show nothing that its
// beginning does not.
const maxHistory = 4 << 20

// ReadEvidence reads a directory of evidence. A file that is missing is no error, one that cannot be understood is.
func ReadEvidence(dir string) (Evidence, error) {
	var e Evidence
	var err error
	for name, into := range map[string]*string{"program.txt": &e.Text, "reduced.txt": &e.Reduced, "console.txt": &e.Console,
		"diagnosis.txt": &e.Diagnosis, "qemu.txt": &e.Machine, "error.txt": &e.Fault} {
		text, readErr := os.ReadFile(filepath.Join(dir, name))
		if readErr != nil && !errors.Is(readErr, fs.ErrNotExist) {
			err = errors.Join(err, fmt.Errorf("read evidence: %w", readErr))
		}
		*into = string(text)
	}
	if e.Text != "" {
		var parseErr error
		if e.Program, parseErr = prog.Parse(e.Text); parseErr != nil {
			err = errors.Join(err, fmt.Errorf("read evidence %s: %w", filepath.Join(dir, "program.txt"), parseErr))
		}
	}
	e.Findings = oops.Parse(e.Console)
	h, readErr := readHistory(filepath.Join(dir, "history.jsonl"))
	e.History = h
	return e, errors.Join(err, readErr)
}

func readHistory(path string) (*history.History, error) {
	text, err := os.ReadFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("read evidence: %w", err)
	case len(text) > maxHistory:
		text = text[:bytes.LastIndexByte(text[:maxHistory], '\n')+1]
	}
	h, err := history.Read(bytes.NewReader(text))
	if err != nil {
		return nil, fmt.Errorf("read evidence %s: %w", path, err)
	}
	return h, nil
}

// Op is the number of the operation that a verdict is about, -1 for none.
func (s Seen) Op() int {
	match := regexp.MustCompile(`(?:^|: )op (\d+): `).FindStringSubmatch(s.Text)
	if match == nil {
		return -1
	}
	n, err := strconv.Atoi(match[1])
	if err != nil {
		return -1
	}
	return n
}
