package around

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/iomapcheck/iomapcheck/harness/judge"
	"github.com/iomapcheck/iomapcheck/harness/runs"
)

// Log is a run's verdicts, one JSON object a line in verdicts.jsonl of its directory, each written as it comes: a run that was interrupted, or whose host
// died, is continued from it. Its methods may be called by several goroutines at once.
type Log struct {
	mu   sync.Mutex // serialises Add
	file *os.File
	// done are the verdicts of runs before, by unit; they do not change.
	done map[string]Verdict
}

// what says which run a directory is of: verdicts on other trees, kernels or options are not continued.
type what struct {
	runs.Info        // as every run has it, of the time when it was begun
	Tree      string `json:"tree"` // its content's key
	Kernel    string `json:"kernel"`
	// Config are the columns' names with the texts of their local.config.
	Config map[string]string `json:"config"`
}

// OpenLog opens the log of the run in dir, which it makes. A directory that has verdicts already is continued, if it is of the same tree, kernel and
// columns; the error says what differs.
func OpenLog(dir, treeKey, release string, columns []Column) (*Log, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("open run: %w", err)
	}
	want := what{Info: runs.Started(dir), Tree: treeKey, Kernel: release, Config: map[string]string{}}
	for _, c := range columns {
		want.Config[c.Name] = c.Config()
	}
	path := filepath.Join(dir, "verdicts.jsonl")
	file, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, fmt.Errorf("open run: %w", err)
	}
	l := &Log{file: file}
	for _, step := range []func() error{l.own, func() error { return want.agree(filepath.Join(dir, "run.json")) }, func() error { return l.resume(path) }} {
		if err := step(); err != nil {
			return nil, errors.Join(fmt.Errorf("continue run %s: %w", dir, err), file.Close())
		}
	}
	return l, nil
}

// own takes the file's lock, which a process that dies gives back.
func (l *Log) own() error {
	err := unix.Flock(int(l.file.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		return errors.New("another process runs in it; wait for its end")
	}
	return err
}

// resume reads what there is, and goes on behind it.
func (l *Log) resume(path string) error {
	var whole int64
	var err error
	if l.done, whole, err = readVerdicts(path); err != nil {
		return err
	}
	if err := l.file.Truncate(whole); err != nil {
		return err
	}
	_, err = l.file.Seek(whole, io.SeekStart)
	return err
}

// agree compares with what the file says, or writes it. Columns may be added to a run, not changed.
func (w what) agree(path string) error {
	text, err := os.ReadFile(path)
	var was what
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return err
	default:
		if err := json.Unmarshal(text, &was); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		if err := w.differs(was); err != nil {
			return err
		}
	}
	if !was.Started.IsZero() {
		w.Info = was.Info
	}
	for name, config := range was.Config {
		w.Config[name] = config
	}
	if text, err = json.MarshalIndent(w, "", "  "); err != nil {
		return err
	}
	return os.WriteFile(path, append(text, '\n'), 0o644)
}

func (w what) differs(was what) error {
	switch {
	case w.Tree != was.Tree:
		return errors.New("the xfstests tree has changed since; begin a new run")
	case w.Kernel != was.Kernel:
		return fmt.Errorf("it is of kernel %s, not %s; begin a new run", was.Kernel, w.Kernel)
	}
	for name, config := range w.Config {
		if old, ok := was.Config[name]; ok && old != config {
			return fmt.Errorf("the options of %s have changed since; begin a new run", name)
		}
	}
	return nil
}

// readVerdicts reads a log. Its last line may have been cut short; whole is where what is complete ends, in bytes.
func readVerdicts(path string) (done map[string]Verdict, whole int64, err error) {
	done = map[string]Verdict{}
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return done, 0, nil
	}
	if err != nil {
		return nil, 0, err
	}
	defer f.Close()
	lines := bufio.NewReader(f)
	for {
		line, err := lines.ReadBytes('\n')
		if err != nil {
			return done, whole, nil // the end, or half a line: that verdict is to come again
		}
		var v Verdict
		if err := json.Unmarshal(line, &v); err != nil {
			return nil, 0, fmt.Errorf("%s: after byte %d: %w", path, whole, err)
		}
		whole += int64(len(line))
		done[v.Case+"@"+v.Column] = v
	}
}

// Done is a unit's verdict from before, if it has one that says something: a fault of ours is tried again.
func (l *Log) Done(u Unit) (Verdict, bool) {
	v, ok := l.done[u.Name()]
	return v, ok && v.Verdict.Verdict != judge.Infra
}

// Add writes a verdict.
func (l *Log) Add(v Verdict) error {
	text, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("write verdict: %w", err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, err := l.file.Write(append(text, '\n')); err != nil {
		return fmt.Errorf("write verdict: %w", err)
	}
	return nil
}

// Close closes the file.
func (l *Log) Close() error { return l.file.Close() }
