package runs

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/iomapcheck/iomapcheck/harness/campaign"
)

// Run is a run as it was kept.
type Run struct {
	Info
	// Title names the run for people: its name, or its directory's or file's.
	Title string
	// Verdicts are in the order in which they came. Evidence, and Replay where it is a directory, are where they lie now; Evidence is ""
	// where it is gone.
	Verdicts []campaign.Verdict
	// Lines are the same verdicts as they were written, in the same order: some kinds have fields of their own beside.
	Lines []json.RawMessage
}

// Read reads runs, oldest first. A path is the directory of a run, one with runs somewhere below it, or a file of verdicts as run --json
// writes it. A path without any verdict is an error.
func Read(paths ...string) ([]Run, error) {
	var all []Run
	for _, path := range paths {
		found, err := readPath(path)
		if err != nil {
			return nil, err
		}
		if len(found) == 0 {
			return nil, fmt.Errorf("read runs %s: no verdicts below it: want the directory of a run, one with runs in it, or a file of verdicts", path)
		}
		all = append(all, found...)
	}
	all = join(all)
	slices.SortStableFunc(all, func(a, b Run) int { return a.Started.Compare(b.Started) })
	return all, nil
}

// join makes one run of those that have one name, and drops what was named twice.
func join(all []Run) []Run {
	var out []Run
	seen, named := map[string]bool{}, map[string]int{}
	for _, r := range all {
		if r.Dir != "" && seen[r.Dir] {
			continue
		}
		seen[r.Dir] = true
		at, there := named[r.Name]
		if r.Name == "" || !there {
			named[r.Name] = len(out)
			out = append(out, r)
			continue
		}
		one := &out[at]
		one.Verdicts = append(one.Verdicts, r.Verdicts...)
		one.Lines = append(one.Lines, r.Lines...)
		if r.Started.Before(one.Started) {
			one.Started = r.Started
		}
	}
	return out
}

func readPath(path string) ([]Run, error) {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return nil, fmt.Errorf("read runs: %w", err)
	case !info.IsDir():
		r, err := readFile(path, info)
		return []Run{r}, err
	}
	return readDir(path)
}

// readFile reads a file of verdicts that belongs to no directory.
func readFile(path string, info fs.FileInfo) (Run, error) {
	verdicts, lines, err := readVerdicts(path)
	r := Run{Title: filepath.Base(path), Verdicts: verdicts, Lines: lines, Info: Info{Started: info.ModTime(), Dir: path}}
	for i := range r.Verdicts {
		v := &r.Verdicts[i]
		if at, ok := stamp(filepath.Base(filepath.Dir(v.Evidence))); ok && at.Before(r.Started) {
			r.Started = at
		}
		if !isDir(v.Evidence) {
			v.Evidence = ""
		}
	}
	return r, err
}

// readDir reads the run that the directory is, or else those below it.
func readDir(dir string) ([]Run, error) {
	if _, err := os.Stat(filepath.Join(dir, infoFile)); err == nil {
		r, err := readKept(dir)
		return []Run{r}, err
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("read runs: %w", err)
	}
	var out []Run
	older := Run{Title: filepath.Base(dir), Info: Info{Dir: absolute(dir)}}
	for _, e := range entries {
		if !e.IsDir() {
			continue
		}
		below := filepath.Join(dir, e.Name())
		v, line, err := readEvidence(below)
		switch {
		case err == nil:
			older.Verdicts, older.Lines = append(older.Verdicts, v), append(older.Lines, line)
		case errors.Is(err, fs.ErrNotExist):
			more, err := readDir(below)
			if err != nil {
				return nil, err
			}
			out = append(out, more...)
		default:
			return nil, err
		}
	}
	if len(older.Verdicts) == 0 {
		return out, nil
	}
	older.Started = began(dir)
	return append(out, older), nil
}

// readKept reads a run that describes itself.
func readKept(dir string) (Run, error) {
	text, err := os.ReadFile(filepath.Join(dir, infoFile))
	if err != nil {
		return Run{}, fmt.Errorf("read run: %w", err)
	}
	r := Run{Title: filepath.Base(dir)}
	if err := json.Unmarshal(text, &r.Info); err != nil {
		return Run{}, fmt.Errorf("read run %s: %w", filepath.Join(dir, infoFile), err)
	}
	if r.Name != "" {
		r.Title = r.Name
	}
	if r.Started.IsZero() {
		r.Started = began(dir)
	}
	if r.Verdicts, r.Lines, err = readVerdicts(filepath.Join(dir, verdictsFile)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return Run{}, err
	}
	for i := range r.Verdicts {
		relocate(&r.Verdicts[i], r.Dir, dir)
	}
	r.Dir = absolute(dir)
	return r, nil
}

// relocate makes a verdict name its evidence where it lies now: the run may have been made on another machine.
func relocate(v *campaign.Verdict, was, dir string) {
	below, err := filepath.Rel(was, v.Evidence)
	if v.Evidence == "" || err != nil || strings.HasPrefix(below, "..") {
		return
	}
	now := filepath.Join(dir, below)
	if v.Replay == v.Evidence {
		v.Replay = now
	}
	v.Evidence = now
	if !isDir(now) {
		v.Evidence = ""
	}
}

func readEvidence(dir string) (v campaign.Verdict, text []byte, err error) {
	text, err = os.ReadFile(filepath.Join(dir, "verdict.json"))
	if err != nil {
		return v, nil, err
	}
	if err := json.Unmarshal(text, &v); err != nil {
		return v, nil, fmt.Errorf("read %s: %w", filepath.Join(dir, "verdict.json"), err)
	}
	relocate(&v, filepath.Dir(v.Evidence), filepath.Dir(dir))
	return v, text, nil
}

// readVerdicts reads verdicts, one a line. A last line without its end is of a run that was killed, and left out.
func readVerdicts(path string) (out []campaign.Verdict, lines []json.RawMessage, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, nil, fmt.Errorf("read verdicts: %w", err)
	}
	defer f.Close()
	in := bufio.NewReader(f)
	for n := 1; ; n++ {
		line, err := in.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			return out, lines, nil
		}
		var v campaign.Verdict
		if err == nil {
			err = json.Unmarshal(line, &v)
		}
		if err != nil {
			return nil, nil, fmt.Errorf("read verdicts %s: line %d: %w", path, n, err)
		}
		if v.Case == "" || v.Verdict == "" {
			return nil, nil, fmt.Errorf("read verdicts %s: line %d is no verdict: it has no case or no verdict", path, n)
		}
		out, lines = append(out, v), append(lines, line)
	}
}

// began is when a run without a description began: its directory's name says so, else the directory is as old.
func began(dir string) time.Time {
	if t, ok := stamp(filepath.Base(absolute(dir))); ok {
		return t
	}
	info, err := os.Stat(dir)
	if err != nil {
		return time.Time{}
	}
	return info.ModTime()
}

// stampForm is how directories of runs are named, with milliseconds or without.
const stampForm = "20060102-150405"

func stamp(name string) (time.Time, bool) {
	if len(name) < len(stampForm) {
		return time.Time{}, false
	}
	t, err := time.ParseInLocation(stampForm, name[:len(stampForm)], time.Local)
	return t, err == nil
}

func isDir(path string) bool {
	info, err := os.Stat(path)
	return path != "" && err == nil && info.IsDir()
}

func absolute(path string) string {
	if abs, err := filepath.Abs(path); err == nil {
		return abs
	}
	return path
}
