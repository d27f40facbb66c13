package snapshot

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/iomapcheck/iomapcheck/vmimage/cache"
)

const memoryMiB = 8

// maker makes snapshots without a machine, and counts them.
type maker struct {
	mu    sync.Mutex
	made  int
	hurts error // returned in place of the last step
}

func (m *maker) build(_ context.Context, d *Draft) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.made++
	memory, err := d.Memory(memoryMiB)
	if err != nil {
		return err
	}
	defer memory.File.Close()
	for at, text := range map[int64]string{0: "first page", 5 << 20: "in the middle", memoryMiB<<20 - 3: "end"} {
		if _, err := memory.File.WriteAt([]byte(text), at); err != nil {
			return err
		}
	}
	if _, err := memory.File.WriteAt(make([]byte, 1<<20), 2<<20); err != nil { // used once, and zero again
		return err
	}
	if m.hurts != nil {
		return m.hurts
	}
	return errors.Join(d.Put(stateFile, []byte("registers")), d.Put("disk", []byte("contents")))
}

func newStore(t *testing.T) Store {
	return Store{Cache: cache.Dir(t.TempDir()), Report: func(line string) { t.Log(line) }}
}

func get(t *testing.T, s Store, m *maker) *Snapshot {
	t.Helper()
	found, err := s.Get(t.Context(), "key", m.build)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(found.Close)
	return found
}

func TestASnapshotIsMadeOnceAndHasWhatItsMakerGave(t *testing.T) {
	s, m := newStore(t), &maker{}
	for range 2 {
		found := get(t, s, m)
		if string(found.State()) != "registers" || string(found.Extra("disk")) != "contents" || found.Extra("none") != nil {
			t.Errorf("got state %q, disk %q", found.State(), found.Extra("disk"))
		}
		memory, err := found.Memory()
		if err != nil {
			t.Fatal(err)
		}
		defer memory.File.Close()
		page := make([]byte, 13)
		if _, err := memory.File.ReadAt(page, 5<<20); err != nil || string(page) != "in the middle" || !memory.Private {
			t.Errorf("memory has %q, %v; private: %v", page, err, memory.Private)
		}
	}
	if m.made != 1 {
		t.Errorf("made %d times", m.made)
	}
}

func TestPagesOfZerosTakeNoRoom(t *testing.T) {
	s, m := newStore(t), &maker{}
	get(t, s, m)
	var stat unix.Stat_t
	if err := unix.Stat(s.Cache.Path(class, "key", ramFile), &stat); err != nil {
		t.Fatal(err)
	}
	if used := stat.Blocks * 512; used > 64<<10 || stat.Size != memoryMiB<<20 {
		t.Errorf("memory of %d bytes takes %d", stat.Size, used)
	}
}

func TestADamagedSnapshotIsNoticedAndMadeAnew(t *testing.T) {
	for name, damage := range map[string]func(dir string) error{
		"a byte of the memory differs": func(dir string) error { return poke(filepath.Join(dir, ramFile), 5<<20) },
		"zeros of the memory are none": func(dir string) error { return poke(filepath.Join(dir, ramFile), 3<<20) },
		"the memory is cut short":      func(dir string) error { return os.Truncate(filepath.Join(dir, ramFile), 6<<20) },
		"the memory's end is lost": func(dir string) error {
			return errors.Join(os.Truncate(filepath.Join(dir, ramFile), 6<<20), os.Truncate(filepath.Join(dir, ramFile), memoryMiB<<20))
		},
		"a byte of the state differs": func(dir string) error { return poke(filepath.Join(dir, stateFile), 3) },
		"a byte of the disk differs":  func(dir string) error { return poke(filepath.Join(dir, "disk"), 3) },
		"the state is gone":           func(dir string) error { return os.Remove(filepath.Join(dir, stateFile)) },
		"the index is gone":           func(dir string) error { return os.Remove(filepath.Join(dir, indexFile)) },
		"the index is empty":          func(dir string) error { return os.Truncate(filepath.Join(dir, indexFile), 0) },
	} {
		t.Run(name, func(t *testing.T) {
			s, m := newStore(t), &maker{}
			var reports []string
			s.Report = func(line string) { reports = append(reports, line) }
			get(t, s, m)
			if err := damage(s.Cache.Path(class, "key")); err != nil {
				t.Fatal(err)
			}
			if _, err := Open(s.Cache.Path(class, "key")); !errors.Is(err, ErrDamaged) {
				t.Errorf("opened: %v", err)
			}
			if found := get(t, s, m); string(found.State()) != "registers" || m.made != 2 {
				t.Errorf("state %q, made %d times", found.State(), m.made)
			}
			if len(reports) != 1 || !strings.Contains(reports[0], "damaged") {
				t.Errorf("reported %q", reports)
			}
		})
	}
}

// poke changes one byte.
func poke(path string, at int64) error {
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer file.Close()
	b := make([]byte, 1)
	if _, err := file.ReadAt(b, at); err != nil && err != io.EOF {
		return err
	}
	_, err = file.WriteAt([]byte{b[0] ^ 0x10}, at)
	return err
}

func TestAMakerThatFailsLeavesNothing(t *testing.T) {
	s, m := newStore(t), &maker{hurts: errors.New("the guest panicked")}
	if _, err := s.Get(t.Context(), "key", m.build); !errors.Is(err, m.hurts) {
		t.Errorf("got %v", err)
	}
	for _, folder := range []string{class, drafts} {
		if left, _ := filepath.Glob(s.Cache.Path(folder, "*")); len(left) != 0 {
			t.Errorf("left %q", left)
		}
	}
	m.hurts = nil
	get(t, s, m)
}

func TestAMakerThatGivesNoStateIsAnError(t *testing.T) {
	_, err := newStore(t).Get(t.Context(), "key", func(_ context.Context, d *Draft) error {
		memory, err := d.Memory(1)
		if err == nil {
			memory.File.Close()
		}
		return err
	})
	if err == nil || !strings.Contains(err.Error(), stateFile) {
		t.Errorf("got %v", err)
	}
}

func TestWhatKilledRunsLeftIsRemovedByTheNextMakerAndWhatIsBeingMadeIsNot(t *testing.T) {
	s, m := newStore(t), &maker{}
	half := func(key string) string {
		dir := s.Cache.Path(drafts, key[:1], key)
		if err := errors.Join(os.MkdirAll(dir, 0o755), os.WriteFile(filepath.Join(dir, ramFile), []byte("half"), 0o644)); err != nil {
			t.Fatal(err)
		}
		return dir
	}
	left := []string{half("kother"), half("another")}
	owned := half("being made")
	unlock, err := s.Cache.Lock(t.Context(), lockOf("being made"))
	if err != nil {
		t.Fatal(err)
	}
	defer unlock()
	get(t, s, m)
	for _, dir := range left {
		if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s is still there: %v", dir, err)
		}
	}
	if _, err := os.Stat(owned); err != nil {
		t.Errorf("what another process makes was removed: %v", err)
	}
}

func TestOfSeveralThatWantTheSameSnapshotOneMakesIt(t *testing.T) {
	s, m := newStore(t), &maker{}
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			found, err := s.Get(t.Context(), "key", m.build)
			if err != nil {
				t.Error(err)
				return
			}
			found.Close()
		})
	}
	all.Wait()
	if m.made != 1 {
		t.Errorf("made %d times", m.made)
	}
}

func TestASnapshotNotUsedForLongIsRemovedAndOneThatIsOpenStaysUsable(t *testing.T) {
	s, m := newStore(t), &maker{}
	open := get(t, s, m)
	old := time.Now().Add(-time.Hour)
	for i := range keepSnapshots {
		if err := os.Chtimes(s.Cache.Path(class, "key"), old, old); err != nil {
			t.Fatal(err)
		}
		found, err := s.Get(t.Context(), fmt.Sprint("other", i), m.build)
		if err != nil {
			t.Fatal(err)
		}
		found.Close()
	}
	if _, err := os.Stat(s.Cache.Path(class, "key")); !errors.Is(err, os.ErrNotExist) {
		t.Fatalf("it is still there: %v", err)
	}
	memory, err := open.Memory()
	if err != nil {
		t.Fatal(err)
	}
	defer memory.File.Close()
	page := make([]byte, 10)
	if _, err := memory.File.ReadAt(page, 0); err != nil || string(page) != "first page" {
		t.Errorf("memory has %q, %v", page, err)
	}
}

func TestTheCopyOfAMemoryIsTheSameWithItsHoles(t *testing.T) {
	s, m := newStore(t), &maker{}
	base := get(t, s, m)
	copied, err := s.Get(t.Context(), "copy", func(_ context.Context, d *Draft) error {
		memory, err := d.MemoryOf(base)
		if err != nil {
			return err
		}
		memory.File.Close()
		return d.Put(stateFile, []byte("further"))
	})
	if err != nil {
		t.Fatal(err)
	}
	defer copied.Close()
	a, errA := measure(base.ram)
	b, errB := measure(copied.ram)
	if a != b || errA != nil || errB != nil {
		t.Errorf("%v and %v; %v, %v", a, b, errA, errB)
	}
}
