package harness

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/iomapcheck/iomapcheck/harness/campaign"
	"github.com/iomapcheck/iomapcheck/harness/judge"
	"github.com/iomapcheck/iomapcheck/harness/kmsg"
	"github.com/iomapcheck/iomapcheck/harness/oops"
	"github.com/iomapcheck/iomapcheck/harness/prog"
)

func shell(script string) Command {
	return Command{ID: "own/test", Rule: "it works", Args: []string{"sh", "-c", script}}
}

func TestHowACommandEndedIsItsVerdict(t *testing.T) {
	for _, c := range []struct {
		script string
		limit  time.Duration
		want   judge.Verdict
		text   string
	}{
		{"true", 0, judge.OK, ""},
		{"echo bad bytes; echo; exit 3", 0, judge.Fail, "exit status 3: bad bytes"},
		{"echo no AIO; exit 77", 0, judge.Unsupported, "no AIO"},
		{"kill -SEGV $$", 0, judge.Fail, "ended by signal segmentation fault: "},
		{"sleep 1000 & echo waiting; wait", 200 * time.Millisecond, judge.Hang, "the command did not end within its limit"},
	} {
		command := shell(c.script)
		command.Limit = c.limit
		v := command.Run(t.Context(), Place{Dir: t.TempDir()})
		if v.Verdict != c.want || !strings.HasPrefix(v.Text, c.text) {
			t.Errorf("%s: %s %q, want %s %q", c.script, v.Verdict, v.Text, c.want, c.text)
		}
	}
	missing := Command{ID: "own/none", Rule: "it works", Args: []string{"no-such-command"}}
	if v := missing.Run(t.Context(), Place{Dir: t.TempDir()}); v.Verdict != judge.Infra {
		t.Errorf("a command that is not there: %s, want infra", v.Verdict)
	}
}

func TestACommandRunsInAFolderOfItsOwnThatIsRemoved(t *testing.T) {
	dir := t.TempDir()
	if v := shell("echo x > file && [ $(ls | wc -l) -eq 1 ]").Run(t.Context(), Place{Dir: dir}); v.Verdict != judge.OK {
		t.Errorf("%s %s", v.Verdict, v.Text)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
		t.Errorf("left %v, %v", left, err)
	}
}

func TestWhatACommandLeavesRunningEndsWithIt(t *testing.T) {
	e, _, err := shell("sleep 1000 >/dev/null 2>&1 & echo $!").start(t.Context(), t.TempDir())
	if err != nil || e.Status != 0 {
		t.Fatalf("status %d: %v", e.Status, err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(e.Output))
	if err != nil {
		t.Fatal(err)
	}
	fd, err := unix.PidfdOpen(pid, 0)
	if errors.Is(err, unix.ESRCH) {
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	if n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, 10_000); n != 1 {
		t.Errorf("a process that the command has left runs on: %v", err)
	}
}

// What sleeps in the kernel and cannot be killed is given up.
func TestACommandThatCannotBeKilledIsNotAwaitedForEver(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	never := make(chan error)
	defer close(never)
	wait := func() error { return <-never }
	cancel(errLimit)
	if err := awaited(ctx, wait, time.Millisecond); !errors.Is(err, errStuck) {
		t.Errorf("error %v", err)
	}
	late := errors.New("killed")
	if err := awaited(ctx, func() error { return late }, time.Hour); !errors.Is(err, late) {
		t.Errorf("one that ends once it is killed: error %v", err)
	}
}

func TestAnInterruptedSuiteTellsNoMoreVerdicts(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	told := 0
	s := Suite{Commands: []Command{shell("true"), {ID: "own/second", Rule: "it works", Args: []string{"true"}}}}
	if err := s.Run(ctx, Place{Dir: t.TempDir()}, func(campaign.Verdict) { told++; cancel() }); !errors.Is(err, context.Canceled) || told != 1 {
		t.Errorf("%d verdicts, error %v", told, err)
	}
}

func TestLTPsStatusIsASum(t *testing.T) {
	for status, want := range map[int]judge.Verdict{
		0: judge.OK, 1: judge.Fail, 2: judge.Infra, 4: judge.OK, 5: judge.Fail, 32: judge.Unsupported, 34: judge.Infra, 64: judge.Fail,
	} {
		if got, _ := FromLTP(Ended{Status: status}); got != want {
			t.Errorf("status %d: %s, want %s", status, got, want)
		}
	}
	if got, _ := FromLTP(Ended{Status: -1, Signal: syscall.SIGBUS}); got != judge.Fail {
		t.Errorf("a signal: %s", got)
	}
	if _, text := FromLTP(Ended{Status: 33, Output: "a.c:1: TPASS: x\na.c:2: TFAIL: block 3 differs\na.c:9: TINFO: end\n"}); text != "block 3 differs" {
		t.Errorf("text %q", text)
	}
}

func TestWhatTheKernelSaysGoesBeforeWhatTheCommandSays(t *testing.T) {
	finding := func(kind oops.Kind) []kmsg.Finding {
		return []kmsg.Finding{{Finding: oops.Finding{Kind: kind, Title: "x"}}}
	}
	for kind, want := range map[oops.Kind]judge.Verdict{oops.Warning: judge.Crash, oops.HungTask: judge.Hang, oops.IOError: judge.OK} {
		v := campaign.Verdict{Verdict: judge.OK}
		if splat(finding(kind), &v); v.Verdict != want {
			t.Errorf("%s: %s, want %s", kind, v.Verdict, want)
		}
	}
}

func TestEvidenceOfACommandIsKept(t *testing.T) {
	runs := t.TempDir()
	v := shell("echo seen; exit 1").Run(t.Context(), Place{Dir: t.TempDir(), Runs: runs})
	if out, err := os.ReadFile(filepath.Join(v.Evidence, "output.txt")); err != nil || string(out) != "seen\n" {
		t.Errorf("%q, %v", out, err)
	}
	text, err := os.ReadFile(filepath.Join(v.Evidence, "verdict.json"))
	var read campaign.Verdict
	if err != nil || json.Unmarshal(text, &read) != nil || read.Verdict != judge.Fail {
		t.Errorf("%s, %v", text, err)
	}
}

func TestASuiteThatIsWrongIsRefused(t *testing.T) {
	for name, s := range map[string]Suite{
		"no rule":    {Commands: []Command{{ID: "own/x", Args: []string{"true"}}}},
		"no theme":   {Commands: []Command{{ID: "x", Rule: "r", Args: []string{"true"}}}},
		"no command": {Commands: []Command{{ID: "own/x", Rule: "r"}}},
		"twice":      {Commands: []Command{shell("true"), shell("false")}},
		"program":    {Cases: []prog.Case{{ID: "own/p", Rule: "r", Variants: []prog.Variant{{Program: prog.New(prog.Join("nobody"))}}}}},
	} {
		if err := s.Run(t.Context(), Place{Dir: t.TempDir()}, func(campaign.Verdict) { t.Errorf("%s: it ran", name) }); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
