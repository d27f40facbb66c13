package inguest

import (
	"context"
	"errors"
	"fmt"
	"os"
	osexec "os/exec"
	"path/filepath"
	"time"
)

// resultDir is where check leaves a test's files.
const resultDir = TreeDir + "/results"

func (g *attendant) test(t Test) Done {
	if err := os.RemoveAll(inUserland(resultDir)); err != nil {
		return Done{Error: err.Error()}
	}
	counting, err := count(t.Count)
	done := g.check(t)
	if err != nil { // a kernel without tracing runs its tests all the same
		done.Missing = append(done.Missing, "nothing was counted: "+err.Error())
	}
	counting.into(&done)
	if err := done.collect(); err != nil && done.Error == "" {
		done.Error = err.Error()
	}
	return done
}

// check runs the tree's check with the test.
func (g *attendant) check(t Test) Done {
	limit := time.NewTimer(t.Limit)
	defer limit.Stop()
	line := "./check " + t.Name
	if t.Report {
		line = "./check -R xunit-quiet " + t.Name
	}
	cmd := command(context.Background(), line)
	cmd.Stdout, cmd.Stderr = output{g}, output{g}
	start := time.Now()
	if err := cmd.Start(); err != nil {
		return Done{Error: fmt.Sprintf("start check: %v", err)}
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	select {
	case err := <-ended:
		return conclude(err, time.Since(start))
	case <-limit.C:
	}
	done := Done{Hang: true, Stacks: stacks(cmd.Process.Pid), Seconds: time.Since(start).Seconds()}
	_ = cmd.Cancel() // what does not die of it stays as it is: the machine is not used again
	select {
	case <-ended:
	case <-time.After(afterKill):
	}
	return done
}

// conclude is how check ended.
func conclude(err error, took time.Duration) Done {
	done := Done{Seconds: took.Seconds()}
	var exit *osexec.ExitError
	switch {
	case errors.As(err, &exit):
		done.Code = exit.ExitCode()
	case err != nil:
		done.Error = fmt.Sprintf("run check: %v", err)
	}
	return done
}

// output reports what check prints.
type output struct{ g *attendant }

// Write never fails: a host that is gone takes the machine with it.
func (o output) Write(p []byte) (int, error) {
	_ = o.g.conn.Send(Report{Output: string(p)})
	return len(p), nil
}

// collect reads the files of the results folder. Check's own lists of all tests are of no interest.
func (d *Done) collect() error {
	d.Files = map[string][]byte{}
	total := 0
	for _, pattern := range []string{"result.xml", "*/*.notrun", "*/*.out.bad", "*/*.dmesg", "*/*.hints", "check.full", "*/*.full"} {
		files, err := filepath.Glob(filepath.Join(inUserland(resultDir), pattern))
		if err != nil {
			return err
		}
		for _, file := range files {
			text, err := tail(file, min(maxFile, maxFiles-total))
			if err != nil {
				return fmt.Errorf("read %s: %w", file, err)
			}
			total += len(text)
			d.Files[filepath.Base(file)] = text
		}
	}
	return nil
}

// tail is a file's end, at most limit bytes.
func tail(path string, limit int) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil || limit <= 0 {
		return nil, err
	}
	text := make([]byte, min(info.Size(), int64(limit)))
	n, err := f.ReadAt(text, info.Size()-int64(len(text)))
	if n == len(text) {
		err = nil
	}
	return text[:n], err
}
