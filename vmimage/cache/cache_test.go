package cache

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func write(text string) func(string) error {
	return func(path string) error { return os.WriteFile(path, []byte(text), 0o644) }
}

func TestAnEntryIsBuiltOnceHoweverManyAsk(t *testing.T) {
	dir := Dir(t.TempDir())
	var builds atomic.Int32
	var asking sync.WaitGroup
	for range 8 {
		asking.Go(func() {
			path, err := dir.Publish(t.Context(), "class", "name", func(path string) error {
				builds.Add(1)
				return write("content")(path)
			})
			if err != nil || path != dir.Path("class", "name") {
				t.Errorf("Publish = %q, %v", path, err)
			}
		})
	}
	asking.Wait()
	if n := builds.Load(); n != 1 {
		t.Errorf("built %d times, want once", n)
	}
}

func TestAFailedBuildLeavesNothingBehind(t *testing.T) {
	dir := Dir(t.TempDir())
	broken := errors.New("broken")
	_, err := dir.Publish(t.Context(), "class", "name", func(path string) error {
		return errors.Join(os.Mkdir(path, 0o755), write("half")(filepath.Join(path, "file")), broken)
	})
	if !errors.Is(err, broken) {
		t.Fatalf("Publish: %v, want broken", err)
	}
	if left, _ := os.ReadDir(dir.Path("class")); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestWhatAKilledRunLeftIsRemovedByTheNextBuilder(t *testing.T) {
	dir := Dir(t.TempDir())
	leftover := dir.Path("class", temporary+"other")
	if err := os.MkdirAll(leftover, 0o755); err != nil {
		t.Fatal(err)
	}
	if names, err := dir.Entries("class"); err != nil || len(names) != 0 {
		t.Errorf("Entries = %v, %v: a leftover is no entry", names, err)
	}
	if _, err := dir.Publish(t.Context(), "class", "name", write("")); err != nil {
		t.Fatal(err)
	}
	if exists(leftover) {
		t.Error("leftover is still there")
	}
}

func TestALockThatIsTakenIsWaitedForUntilTheContextEnds(t *testing.T) {
	dir := Dir(t.TempDir())
	unlock, err := dir.Lock(t.Context(), "name")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 3*lockPoll)
	defer cancel()
	if _, err := dir.Lock(ctx, "name"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("second Lock: %v, want deadline exceeded", err)
	}
	unlock()
	unlock, err = dir.Lock(t.Context(), "name")
	if err != nil {
		t.Fatalf("Lock after unlock: %v", err)
	}
	unlock()
}

func TestPruneKeepsTheNewestAndWhatWasUsedLately(t *testing.T) {
	dir := Dir(t.TempDir())
	old := time.Now().Add(-time.Hour)
	for i, name := range []string{"oldest", "older", "old", "fresh"} {
		path, err := dir.Publish(t.Context(), "class", name, write(""))
		if err != nil {
			t.Fatal(err)
		}
		used := old.Add(time.Duration(i) * time.Minute)
		if err := os.Chtimes(path, used, used); err != nil {
			t.Fatal(err)
		}
	}
	Touch(dir.Path("class", "oldest"))
	if err := dir.Prune(t.Context(), "class", 1, 30*time.Minute); err != nil {
		t.Fatal(err)
	}
	if names, _ := dir.Entries("class"); strings.Join(names, " ") != "oldest" {
		t.Errorf("kept %v, want the one used last", names)
	}
}

func TestKeysOfDifferentPartsDiffer(t *testing.T) {
	if Key("ab", "c") == Key("a", "bc") {
		t.Error("parts run together")
	}
	parts := []string{"a", "b"}
	if first, second := Key(parts...), Key(parts...); first != second {
		t.Error("equal parts make different keys")
	}
}

func TestNoSpaceRecognisesErrnosAndWords(t *testing.T) {
	for _, full := range []error{
		unix.ENOSPC, unix.EDQUOT, errors.New("tar: ./x: Cannot write: No space left on device"),
		errors.New("You don't have enough free space in /x."),
	} {
		var space *SpaceError
		if err := NoSpace("/missing/path", full); !errors.As(err, &space) || !errors.Is(err, unix.ENOSPC) || space.Free == 0 {
			t.Errorf("NoSpace(%v) = %v", full, err)
		}
	}
	for _, other := range []error{nil, unix.EACCES} {
		if err := NoSpace("/", other); err != other {
			t.Errorf("NoSpace(%v) = %v, want it unchanged", other, err)
		}
	}
}

func TestAFullDiskIsOneLineWithPathAndSpace(t *testing.T) {
	mount := t.TempDir()
	if err := unix.Mount("tmpfs", mount, "tmpfs", 0, "size=1m"); err != nil {
		t.Skipf("cannot mount a small file system here: %v", err)
	}
	defer func() {
		if err := unix.Unmount(mount, 0); err != nil {
			t.Error(err)
		}
	}()
	_, err := Dir(mount).Publish(t.Context(), "class", "name", write(strings.Repeat("x", 2<<20)))
	var space *SpaceError
	if !errors.As(err, &space) || strings.Contains(err.Error(), "\n") || !strings.Contains(err.Error(), mount) {
		t.Errorf("Publish on a full disk: %v", err)
	}
	if left, _ := os.ReadDir(filepath.Join(mount, "class")); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
	fill := filepath.Join(mount, "fill")
	_ = os.WriteFile(fill, make([]byte, 2<<20), 0o644)
	said := make(chan error, 1)
	WatchSpace(t.Context(), filepath.Join(mount, "class"), func(err error) { said <- err })
	if err := <-said; !errors.As(err, &space) {
		t.Errorf("WatchSpace on a full disk: %v", err)
	}
}

func TestADiskWithSpaceIsWatchedUntilTheContextEnds(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 2*lookEvery)
	defer cancel()
	WatchSpace(ctx, t.TempDir(), func(err error) { t.Errorf("said %v", err) })
}
