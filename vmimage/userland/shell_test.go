package userland

import (
	"context"
	"os"
	"slices"
	"testing"

	"github.com/iomapcheck/iomapcheck/vmimage/apt"
	"github.com/iomapcheck/iomapcheck/vmimage/cache"
)

// shellArchive is an Archive that has busybox, and hands it out without its dependencies only.
type shellArchive struct{ *packages }

func (s shellArchive) Plan(_ context.Context, names []string, withDeps bool) ([]apt.Deb, error) {
	if withDeps || !slices.Equal(names, []string{shellPackage}) {
		s.t.Errorf("planned %v, dependencies %v; a static program needs none", names, withDeps)
	}
	return []apt.Deb{{Name: shellPackage, Path: s.deb}}, nil
}

func TestTheShellIsOneProgramAndFetchedOnce(t *testing.T) {
	archive, dir := shellArchive{newPackages(t)}, cache.Dir(t.TempDir())
	archive.tree = tree(t, map[string]string{"/usr/bin/busybox": "a program", "/usr/share/doc/busybox": "not needed"})
	for range 2 {
		files, err := Shell(t.Context(), dir, archive)
		if err != nil {
			t.Fatal(err)
		}
		if len(files) != 1 || files[0].Guest != "/bin/busybox" || files[0].Mode != 0o755 {
			t.Fatalf("got %+v", files)
		}
		if text, err := os.ReadFile(files[0].Host); err != nil || string(text) != "a program" {
			t.Fatalf("%q, %v", text, err)
		}
	}
	if archive.fetched != 1 {
		t.Errorf("fetched %d times, want once", archive.fetched)
	}
}

func TestAPackageWithoutTheShellIsNoShell(t *testing.T) {
	archive, dir := shellArchive{newPackages(t)}, cache.Dir(t.TempDir())
	archive.tree = tree(t, map[string]string{"/usr/bin/other": "a program"})
	if files, err := Shell(t.Context(), dir, archive); err == nil {
		t.Errorf("got %+v", files)
	}
	if left, err := dir.Entries(shellClass); err != nil || len(left) > 0 {
		t.Errorf("what was begun is left in the cache: %q, %v", left, err)
	}
}
