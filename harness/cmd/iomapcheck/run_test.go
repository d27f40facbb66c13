package main

import (
	"context"
	"io"
	"regexp"
	"strings"
	"testing"

	"github.com/iomapcheck/iomapcheck/harness/campaign"
	"github.com/iomapcheck/iomapcheck/harness/fsys"
	"github.com/iomapcheck/iomapcheck/harness/judge"
	"github.com/iomapcheck/iomapcheck/harness/prog"
)

// watched calls saw with everything written so far, after each write.
type watched struct {
	text strings.Builder
	saw  func(text string)
}

func (w *watched) Write(p []byte) (int, error) {
	n, err := w.text.Write(p)
	w.saw(w.text.String())
	return n, err
}

func TestAnInterruptEndsTheRunWithTheSumSoFarAndSaysNothingOfTheKernel(t *testing.T) {
	ctx, interrupt := context.WithCancel(t.Context())
	out := &watched{saw: func(text string) {
		if strings.Contains(text, "ok ") {
			interrupt()
		}
	}}
	code := run(ctx, []string{"run", "--case", "progress/*", "--budget", "300", "--runs", t.TempDir()}, strings.NewReader(""), out, io.Discard)
	if code != exitInfra {
		t.Errorf("exit code %d, want %d", code, exitInfra)
	}
	if sum := regexp.MustCompile(`(?m)^interrupted after \d+ of \d+: \d+ ok.* on refengine`); !sum.MatchString(out.text.String()) {
		t.Errorf("no sum so far in\n%s", &out.text)
	}
	if strings.Contains(out.text.String(), "infra") {
		t.Errorf("the interrupt became a verdict:\n%s", &out.text)
	}
}

func TestABadVerdictIsToldWithKernelAndHowToRepeatIt(t *testing.T) {
	got := badVerdict{
		campaign.Unit{Case: prog.Case{ID: "theme/case", Rule: "what must hold"}, FS: fsys.Defaults()[0]},
		campaign.Verdict{
			Case: "theme/case", Parameters: map[string]string{"variant": "aio"}, Target: "vm", Kernel: "6.12.1-amd64", KernelSpec: "debian:6.12",
			FS: "btrfs", Variant: "nodatasum", Verdict: judge.Crash, Text: "splat: BUG", Evidence: "/runs/1", Replay: "/runs/1",
		},
	}.String()
	want := `
crash: theme/case~aio on btrfs/nodatasum, kernel 6.12.1-amd64 (debian:6.12)
  must hold  what must hold
  seen       splat: BUG
  evidence   /runs/1
  where      kernel 6.12.1-amd64 (debian:6.12); mkfs.btrfs -q -f -K -s 4096 -d single -m single -U 81ce2940-7903-5dd3-b799-2917b5fe2a59 DEVICE, mounted with nodatasum
  replay     iomapcheck replay /runs/1
  reproducer iomapcheck run - --target vm --kernel debian:6.12 --fs btrfs/nodatasum < /runs/1/program.txt
`
	if got != want {
		t.Errorf("got %s\nwant %s", got, want)
	}
}
