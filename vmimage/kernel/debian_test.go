package kernel

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/iomapcheck/iomapcheck/vmimage/apt"
	"github.com/iomapcheck/iomapcheck/vmimage/cache"
)

// shelf is an Archive of kernels: release to package version. Its packages are made when they are fetched.
type shelf struct {
	t        *testing.T
	dir      string
	kernels  map[string]string
	down     error // what every call answers with, if not nil
	truncate bool  // whether packages arrive cut short
	fetched  int
}

func (s *shelf) Names(_ context.Context, expression string) ([]string, error) {
	var names []string
	for release := range s.kernels {
		if name := "linux-image-" + release; regexp.MustCompile(expression).MatchString(name) {
			names = append(names, name)
		}
	}
	return names, s.down
}

func (s *shelf) Plan(_ context.Context, packages []string, _ bool) ([]apt.Deb, error) {
	version := s.kernels[strings.TrimPrefix(packages[0], "linux-image-")]
	return []apt.Deb{{Name: packages[0], Version: version, Path: filepath.Join(s.dir, packages[0]+".deb")}}, s.down
}

func (s *shelf) Fetch(_ context.Context, debs []apt.Deb) error {
	s.fetched++
	s.makeDeb(debs[0])
	if s.truncate {
		return os.Truncate(debs[0].Path, 700)
	}
	return s.down
}

// makeDeb builds a small linux-image package.
func (s *shelf) makeDeb(deb apt.Deb) {
	s.t.Helper()
	release := strings.TrimPrefix(deb.Name, "linux-image-")
	root := s.t.TempDir()
	for path, content := range map[string]string{
		"DEBIAN/control":                              "Package: " + deb.Name + "\nVersion: 1\nArchitecture: amd64\nMaintainer: x\nDescription: x\n",
		"boot/vmlinuz-" + release:                     string(bzImage(release, gzipped(s.t, elfFile(".notes", pvhNote())))),
		"lib/modules/" + release + "/modules.order":   "",
		"lib/modules/" + release + "/modules.builtin": "",
	} {
		path = filepath.Join(root, path)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(content), 0o644)); err != nil {
			s.t.Fatal(err)
		}
	}
	if out, err := exec.Command("dpkg-deb", "--build", "--root-owner-group", root, deb.Path).CombinedOutput(); err != nil {
		s.t.Fatalf("%v\n%s", err, out)
	}
}

func newShelf(t *testing.T) (*shelf, Resolver) {
	t.Helper()
	if _, err := exec.LookPath("dpkg-deb"); err != nil {
		t.Skip("no dpkg-deb here to make and unpack packages with")
	}
	s := &shelf{t: t, dir: t.TempDir(), kernels: map[string]string{
		"6.12.9+deb12-amd64": "6.12.9-1", "6.12.117+deb12-amd64": "6.12.117-1", "6.12.118+deb12-rt-amd64": "x",
		"6.12.118+deb12-cloud-amd64": "x", "6.12.118+deb12-amd64-unsigned": "x", "6.12-amd64": "x",
		"6.1.0-9-amd64": "6.1.27-1", "6.1.0-50-amd64": "6.1.192-2", "6.120.1-amd64": "x",
	}}
	return s, Resolver{Cache: cache.Dir(t.TempDir()), Archive: s}
}

func TestASeriesIsItsNewestStandardKernel(t *testing.T) {
	for spec, want := range map[string]string{
		"debian:6.12":               "6.12.117+deb12-amd64",
		"debian:6.1":                "6.1.0-50-amd64",
		"debian:6.12.9":             "6.12.9+deb12-amd64",
		"debian:6.12.9+deb12-amd64": "6.12.9+deb12-amd64",
	} {
		s, resolver := newShelf(t)
		kernel, err := resolver.Resolve(t.Context(), spec)
		if err != nil {
			t.Fatalf("%s: %v", spec, err)
		}
		if kernel.Release != want || kernel.PackageVersion != s.kernels[want] || kernel.ModulesDir == "" || kernel.Vmlinux == "" {
			t.Errorf("%s is %+v, want %s with modules and vmlinux", spec, kernel, want)
		}
	}
}

func TestACachedKernelIsNotFetchedAgain(t *testing.T) {
	s, resolver := newShelf(t)
	for range 2 {
		if _, err := resolver.Resolve(t.Context(), "debian:6.12"); err != nil {
			t.Fatal(err)
		}
	}
	if s.fetched != 1 {
		t.Errorf("fetched %d times, want once", s.fetched)
	}
	if left, _ := filepath.Glob(filepath.Join(s.dir, "*.deb")); len(left) != 0 {
		t.Errorf("unpacked packages still take space: %v", left)
	}
}

func TestWithoutTheArchiveTheNewestCachedKernelIsUsedAndSaidSo(t *testing.T) {
	s, resolver := newShelf(t)
	for _, spec := range []string{"debian:6.12.9", "debian:6.12.117", "debian:6.1"} {
		if _, err := resolver.Resolve(t.Context(), spec); err != nil {
			t.Fatal(err)
		}
	}
	s.down = errors.New("network is unreachable")
	kernel, err := resolver.Resolve(t.Context(), "debian:6.12")
	if err != nil {
		t.Fatal(err)
	}
	if kernel.Release != "6.12.117+deb12-amd64" || kernel.PackageVersion != "6.12.117-1" || !strings.Contains(kernel.Note, "unreachable") {
		t.Errorf("resolved %+v", kernel)
	}
	if _, err := resolver.Resolve(t.Context(), "debian:5.10"); !errors.Is(err, s.down) {
		t.Errorf("a series that is not cached: %v, want the archive's error", err)
	}
}

func TestATruncatedPackageIsNamedAndRemoved(t *testing.T) {
	s, resolver := newShelf(t)
	s.truncate = true
	_, err := resolver.Resolve(t.Context(), "debian:6.12")
	var damaged *apt.DamagedError
	if !errors.As(err, &damaged) || strings.Contains(err.Error(), "\n") || !strings.Contains(err.Error(), "linux-image-6.12.117") {
		t.Fatalf("Resolve: %v, want one line that names the package", err)
	}
	if _, err := os.Stat(damaged.Path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("damaged package is still there: %v", err)
	}
	s.truncate = false
	if _, err := resolver.Resolve(t.Context(), "debian:6.12"); err != nil {
		t.Errorf("the next run: %v", err)
	}
}

func TestADamagedCachedKernelIsNamedAndFetchedAgainByTheNextRun(t *testing.T) {
	_, resolver := newShelf(t)
	kernel, err := resolver.Resolve(t.Context(), "debian:6.12")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(kernel.Image, 1600); err != nil {
		t.Fatal(err)
	}
	_, err = resolver.Resolve(t.Context(), "debian:6.12")
	var damaged *DamagedError
	if !errors.As(err, &damaged) || damaged.Path != kernel.Image || strings.Contains(err.Error(), "\n") {
		t.Errorf("Resolve: %v, want one line that names %s", err, kernel.Image)
	}
	if _, err := resolver.Resolve(t.Context(), "debian:6.12"); err != nil {
		t.Errorf("the next run: %v", err)
	}
}

func TestAPackageFileIsAKernelToo(t *testing.T) {
	s, resolver := newShelf(t)
	deb := apt.Deb{Name: "linux-image-7.3-rc7", Path: filepath.Join(t.TempDir(), "mine.deb")}
	s.makeDeb(deb)
	kernel, err := resolver.Resolve(t.Context(), deb.Path)
	if err != nil || kernel.Release != "7.3-rc7" || kernel.ModulesDir == "" {
		t.Fatalf("Resolve = %+v, %v", kernel, err)
	}
	if err := os.Truncate(deb.Path, 700); err != nil {
		t.Fatal(err)
	}
	_, err = resolver.Resolve(t.Context(), deb.Path)
	if err == nil || !strings.Contains(err.Error(), "damaged package "+deb.Path) || strings.Contains(err.Error(), "\n") {
		t.Errorf("truncated: %v, want one line that names it", err)
	}
	if _, err := os.Stat(deb.Path); err != nil {
		t.Errorf("the user's own file is gone: %v", err)
	}
}

func TestABuiltTreeNeedsItsImageAndFindsItsModules(t *testing.T) {
	tree, modules := t.TempDir(), t.TempDir()
	boot := filepath.Join(tree, "arch/x86/boot")
	installed := filepath.Join(modules, "lib/modules/7.3-rc7")
	content := bzImage("7.3-rc7", gzipped(t, elfFile(".notes", pvhNote())))
	resolver := Resolver{Cache: cache.Dir(t.TempDir())}
	if _, err := resolver.Resolve(t.Context(), tree); err == nil || !strings.Contains(err.Error(), "arch/x86/boot/bzImage") {
		t.Errorf("a tree that is not built: %v", err)
	}
	if err := errors.Join(os.MkdirAll(boot, 0o755), os.WriteFile(filepath.Join(boot, "bzImage"), content, 0o644)); err != nil {
		t.Fatal(err)
	}
	if _, err := resolver.Resolve(t.Context(), tree+",modules="+modules); err == nil || !strings.Contains(err.Error(), "7.3-rc7") {
		t.Errorf("modules that are not installed: %v", err)
	}
	if err := errors.Join(os.MkdirAll(installed, 0o755), os.WriteFile(filepath.Join(installed, "modules.order"), nil, 0o644)); err != nil {
		t.Fatal(err)
	}
	kernel, err := resolver.Resolve(t.Context(), tree+",modules="+modules)
	if err != nil || kernel.ModulesDir != installed || kernel.Version.RC != 7 {
		t.Errorf("Resolve = %+v, %v", kernel, err)
	}
}

func TestASpecThatIsNeitherSeriesNorFileSaysWhatIsWanted(t *testing.T) {
	for spec, want := range map[string]string{
		"debian:": "want something like 6.12", "debian:6.12; rm": "want something like", "/nowhere/bzImage": "want debian:SERIES",
	} {
		_, err := Resolver{Cache: cache.Dir(t.TempDir())}.Resolve(t.Context(), spec)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", spec, err, want)
		}
	}
}
