package blockdev

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// tool is a command that notes its runs in a file and, up to the nth, ends by the shell command.
func tool(t *testing.T, n, end string) (command []string, runs func() int) {
	t.Helper()
	log := filepath.Join(t.TempDir(), "runs")
	script := `echo run >>"$0"; [ $(wc -l <"$0") -gt ` + n + ` ] || ` + end
	return []string{"/bin/sh", "-c", script, log}, func() int {
		text, err := os.ReadFile(log)
		if err != nil {
			t.Fatal(err)
		}
		return strings.Count(string(text), "run")
	}
}

func TestAToolThatDiesOfASignalIsStartedAgainAndOneThatFailsIsNot(t *testing.T) {
	for _, c := range []struct {
		n, end string
		runs   int
		want   string
	}{
		{"0", "false", 1, ""},
		{"2", "kill -SEGV $$", 3, ""},
		{"9", "kill -SEGV $$", mkfsTries, "segmentation fault"},
		{"9", "{ echo no room; exit 3; }", 1, "exit status 3: no room"},
	} {
		command, runs := tool(t, c.n, c.end)
		err := Make(t.Context(), command)
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) || runs() != c.runs {
			t.Errorf("%s runs that end by %s: %d runs, %v; want %d, %q", c.n, c.end, runs(), err, c.runs, c.want)
		}
	}
}

func TestAFileSystemWhoseToolIsNotThereIsUnsupported(t *testing.T) {
	var unsupported *UnsupportedError
	if err := Make(t.Context(), []string{"mkfs.nothing", "/dev/vda"}); !errors.As(err, &unsupported) || !strings.Contains(err.Error(), "mkfs.nothing") {
		t.Errorf("got %v", err)
	}
}
