package main

import (
	"errors"
	"io"
	"os"
	"testing"

	"github.com/iomapcheck/iomapcheck/harness/campaign"
	"github.com/iomapcheck/iomapcheck/harness/judge"
	"github.com/iomapcheck/iomapcheck/harness/runs"
	"github.com/iomapcheck/iomapcheck/harness/target/model"
)

// closedPipe is a standard output that nobody reads any more.
type closedPipe struct{}

var errNobodyReads = errors.New("nobody reads")

func (closedPipe) Write([]byte) (int, error) { return 0, errNobodyReads }

func TestARunWhoseOutputNobodyReadsIsKeptAllTheSame(t *testing.T) {
	journal, err := runs.Begin(runs.Info{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	errClose := errors.New("no space left on device")
	r := &report{
		people: closedPipe{}, machines: io.Discard, close: func() error { return errClose }, journal: journal,
		bad: []badVerdict{{verdict: campaign.Verdict{Verdict: judge.Fail}}},
	}
	err = r.end(&campaign.Runner{Target: model.New(model.Config{Release: "6.12"})}, 1)
	if !errors.Is(err, errNobodyReads) || !errors.Is(err, errClose) {
		t.Errorf("error %v, want what was wrong with the output and with the file", err)
	}
	if err := journal.Close(); !errors.Is(err, os.ErrClosed) {
		t.Errorf("the journal was still open: %v", err)
	}
}
