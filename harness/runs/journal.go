package runs

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime/debug"
	"time"

	"github.com/iomapcheck/iomapcheck/harness/campaign"
	"github.com/iomapcheck/iomapcheck/vmimage/cache"
)

// The files of a run's directory.
const (
	infoFile     = "run.json"
	verdictsFile = "verdicts.jsonl"
)

// NameVariable is the environment variable that names a run; runs of one name are reported as one.
const NameVariable = "IOMAPCHECK_RUN"

// Info describes a run.
type Info struct {
	// Name joins the runs that have it; "" stands for itself.
	Name    string    `json:"name,omitempty"`
	Started time.Time `json:"started"`
	// Command is the command line.
	Command []string `json:"command"`
	// Revision is the commit that iomapcheck was built from, with + behind it where files were changed; "" unknown.
	Revision string `json:"revision,omitempty"`
	// Dir is the absolute path of the directory when it was written: verdicts name their evidence below it.
	Dir string `json:"dir"`
}

// Started describes a run that begins now in dir, by the process's own command line and environment.
func Started(dir string) Info {
	return Info{Name: os.Getenv(NameVariable), Started: time.Now().Round(time.Millisecond), Command: os.Args, Revision: revision(), Dir: dir}
}

// revision is the commit of this program, as the Go linker noted it.
func revision() string {
	build, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	commit, changed := "", ""
	for _, s := range build.Settings {
		switch {
		case s.Key == "vcs.revision":
			commit = s.Value
		case s.Key == "vcs.modified" && s.Value == "true":
			changed = "+"
		}
	}
	if commit == "" {
		return ""
	}
	return commit[:min(12, len(commit))] + changed
}

// Journal takes a run's verdicts as they come. It is not safe for concurrent use.
type Journal struct {
	file *os.File
}

// Begin makes the directory of a run and describes it there. A directory that has verdicts already gets more of them; a last one that was cut off by a
// kill goes.
func Begin(info Info) (*Journal, error) {
	if err := os.MkdirAll(info.Dir, 0o755); err != nil {
		return nil, fmt.Errorf("begin run: %w", cache.NoSpace(info.Dir, err))
	}
	text, err := json.MarshalIndent(info, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("begin run: %w", err)
	}
	path := filepath.Join(info.Dir, infoFile)
	if err := os.WriteFile(path, append(text, '\n'), 0o644); err != nil {
		return nil, fmt.Errorf("begin run: %w", cache.NoSpace(path, err))
	}
	f, err := os.OpenFile(filepath.Join(info.Dir, verdictsFile), os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o644)
	if err != nil {
		return nil, fmt.Errorf("begin run: %w", err)
	}
	if err := cutToLines(f); err != nil {
		return nil, errors.Join(fmt.Errorf("begin run: %w", err), f.Close())
	}
	return &Journal{f}, nil
}

// cutToLines cuts off what stands behind the last newline: the next line would be read as a part of it.
func cutToLines(f *os.File) error {
	text, err := io.ReadAll(f)
	if err != nil {
		return err
	}
	if whole := bytes.LastIndexByte(text, '\n') + 1; whole < len(text) {
		return f.Truncate(int64(whole))
	}
	return nil
}

// Add writes a verdict down. What is written stays when the process dies.
func (j *Journal) Add(v campaign.Verdict) error {
	text, err := json.Marshal(v)
	if err == nil {
		_, err = j.file.Write(append(text, '\n'))
	}
	if err != nil {
		return fmt.Errorf("note verdict on %s: %w", v.Name(), cache.NoSpace(j.file.Name(), err))
	}
	return nil
}

// Close ends the journal.
func (j *Journal) Close() error { return j.file.Close() }

// Keep writes a run whose verdicts are all there.
func Keep(info Info, verdicts []campaign.Verdict) error {
	j, err := Begin(info)
	for i := 0; err == nil && i < len(verdicts); i++ {
		err = j.Add(verdicts[i])
	}
	if j != nil {
		err = errors.Join(err, j.Close())
	}
	return err
}
