package vmimage_test

import (
	"bufio"
	"context"
	"strings"
	"testing"
	"time"

	"github.com/iomapcheck/iomapcheck/vmimage/cache"
	"github.com/iomapcheck/iomapcheck/vmimage/qemu"
	"github.com/iomapcheck/iomapcheck/vmimage/snapshot"
	"github.com/iomapcheck/iomapcheck/vmimage/vmtest"
)

// cloned is a booted test guest that has ext4 loaded, as a snapshot, and the configuration of its clones.
func cloned(t *testing.T) (*snapshot.Snapshot, qemu.Config) {
	t.Helper()
	if _, err := qemu.Find(t.Context(), ""); err != nil {
		vmtest.Unavailable(t, err)
	}
	resolved, built := image(t)
	config := qemu.Config{Vmlinux: resolved.Vmlinux, Image: resolved.Image, Initrd: built.Path, MemoryMiB: 512}
	store := snapshot.Store{Cache: cache.Dir(t.TempDir())}
	s, err := store.Get(t.Context(), "key", func(ctx context.Context, d *snapshot.Draft) error {
		source := config
		var err error
		if source.Memory, err = d.Memory(source.MemoryMiB); err != nil {
			return err
		}
		g := start(t, source)
		defer g.Kill()
		g.must("load ext4")
		return d.Save(ctx, g.VM)
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	config.Clone = true
	return s, config
}

// clone starts a clone and lets it run.
func clone(t *testing.T, s *snapshot.Snapshot, config qemu.Config) *guest {
	t.Helper()
	began := time.Now()
	var err error
	if config.Memory, err = s.Memory(); err != nil {
		t.Fatal(err)
	}
	vm, err := qemu.Start(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(vm.Kill)
	if err := vm.Load(t.Context(), s.State()); err != nil {
		t.Fatal(err)
	}
	if err := vm.Resume(t.Context()); err != nil {
		t.Fatal(err)
	}
	return &guest{VM: vm, t: t, booted: time.Since(began), answers: bufio.NewReader(vm.Control)}
}

func TestClonesGoOnWhereTheSnapshotWasAndDoNotSeeEachOther(t *testing.T) {
	s, config := cloned(t)
	knows := func(g *guest, fs string) bool {
		return strings.Contains(g.ask("cat /proc/filesystems")+"|", "\t"+fs+"|")
	}
	first, second := clone(t, s, config), clone(t, s, config)
	first.must("load xfs")
	for name, g := range map[string]*guest{"first": first, "second": second, "third": clone(t, s, config)} {
		t.Logf("%s clone was there after %v", name, g.booted)
		if !knows(g, "ext4") {
			t.Errorf("the %s clone lacks what was loaded before the snapshot", name)
		}
		if got, want := knows(g, "xfs"), name == "first"; got != want {
			t.Errorf("xfs is loaded in the %s clone: %v, want %v", name, got, want)
		}
	}
}
