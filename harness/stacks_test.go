package harness

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// A test of direct I/O submits from threads while its first one only waits for them.
func TestAHangShowsWhereEveryThreadIs(t *testing.T) {
	proc := t.TempDir()
	for path, text := range map[string]string{
		"100/stat":           "100 (a) b) S 1 100 100 0",
		"100/stack":          "[<0>] futex_wait_queue+0x5e/0x90\n",
		"100/task/100/comm":  "a) b\n",
		"100/task/100/stack": "[<0>] futex_wait_queue+0x5e/0x90\n",
		"100/task/102/comm":  "writer\n",
		"100/task/102/stack": "[<0>] inode_dio_wait+0xd4/0x120\n[<0>] xfs_setattr_size+0x1/0x2\n",
		"100/task/103/comm":  "runs\n",
		"100/task/103/stack": "",
		"101/stat":           "101 (child) S 100 100 100 0",
		"101/task/101/comm":  "child\n",
		"101/task/101/stack": "[<0>] do_wait+0x1/0x2\n",
		"99/stat":            "99 (other) S 1 99 99 0",
		"99/task/99/comm":    "other\n",
		"99/task/99/stack":   "[<0>] do_wait+0x1/0x2\n",
		"self/stat":          "100 (a) S 1 100 100 0",
	} {
		path = filepath.Join(proc, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want := []string{
		"a) b (100): futex_wait_queue", "writer (100, thread 102): inode_dio_wait < xfs_setattr_size", "child (101): do_wait",
	}
	if got := kernelStacks(proc, 100); !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}
