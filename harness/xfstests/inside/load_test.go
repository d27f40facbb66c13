package inside

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// $TEST_DEV is unmounted in the middle of a test: then the writers must not be in the way, and they must not write into the folder below.
func TestNoWriterHasAFileOpenWhileTheLoadIsPaused(t *testing.T) {
	dir := t.TempDir()
	var l load
	l.start(Environment{TestDir: dir, LoadFactor: 3})
	for range 3 {
		awaitFiles(t, dir, 2)
		err := l.paused(func() error {
			links, err := filepath.Glob("/proc/self/fd/*")
			for _, link := range links {
				if to, _ := os.Readlink(link); strings.HasPrefix(to, dir) {
					err = errors.Join(err, errors.New(to+" is open"))
				}
			}
			files, _ := filepath.Glob(filepath.Join(dir, "*"))
			for _, f := range files {
				err = errors.Join(err, os.Remove(f))
			}
			return err
		})
		if err != nil {
			t.Error(err)
		}
	}
	l.stop()
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// awaitFiles waits until the writers have made their files.
func awaitFiles(t *testing.T, dir string, n int) {
	t.Helper()
	for t.Context().Err() == nil {
		if files, _ := os.ReadDir(dir); len(files) >= n {
			return
		}
		time.Sleep(time.Millisecond)
	}
}
