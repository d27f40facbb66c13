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
	"time"

	"github.com/iomapcheck/iomapcheck/vmimage/apt"
	"github.com/iomapcheck/iomapcheck/vmimage/cache"
)

// shelf is an Archive of kernels: release to package version. Its packages are made when they are fetched.
type shelf struct {
	t        *testing.T
	dir      string
	kernels  map[string]string
	down     error  // what every call answers with, if not nil
	truncate bool   // whether packages arrive cut short
	split    bool   // whether kernel, modules and the rest are packages of their own
	lost     string // a package that the archive no longer has
	fetched  int
	asked    int       // how often names were asked for
	lists    time.Time // when the lists were fetched; zero is too long ago
}

func (s *shelf) Current() (time.Time, bool) { return s.lists, !s.lists.IsZero() }

func (s *shelf) Names(_ context.Context, expression string) ([]string, error) {
	s.asked++
	var names []string
	for release := range s.kernels {
		if name := "linux-image-" + release; regexp.MustCompile(expression).MatchString(name) {
			names = append(names, name)
		}
	}
	return names, s.down
}

func (s *shelf) Depends(_ context.Context, packages []string) (map[string][]apt.Dependency, error) {
	needs := map[string][]apt.Dependency{}
	for _, name := range packages {
		release := strings.TrimPrefix(name, "linux-image-")
		needs[name] = []apt.Dependency{{Name: "kmod", Offered: true}, {Name: "linux-initramfs-tool"}}
		if release == "6.12-amd64" {
			needs[name] = []apt.Dependency{{Name: "linux-image-6.12.9+deb12-amd64", Offered: true}}
		}
		for _, part := range []string{"base", "binary", "modules"} {
			if part := "linux-" + part + "-" + release; s.split {
				needs[name] = append(needs[name], apt.Dependency{Name: part, Offered: part != s.lost})
			}
		}
	}
	return needs, s.down
}

func (s *shelf) Plan(_ context.Context, packages []string, _ bool) ([]apt.Deb, error) {
	var debs []apt.Deb
	for _, name := range packages {
		_, release, _ := strings.Cut(strings.TrimPrefix(name, "linux-"), "-")
		debs = append(debs, apt.Deb{Name: name, Version: s.kernels[release], Path: filepath.Join(s.dir, name+".deb")})
	}
	return debs, s.down
}

func (s *shelf) Fetch(_ context.Context, debs []apt.Deb) error {
	s.fetched++
	for _, deb := range debs {
		s.makeDeb(deb)
	}
	if s.truncate {
		return os.Truncate(debs[0].Path, 700)
	}
	return s.down
}

// makeDeb builds a small package: linux-image, or the part of it that the name tells.
func (s *shelf) makeDeb(deb apt.Deb) {
	s.t.Helper()
	part, release, _ := strings.Cut(strings.TrimPrefix(deb.Name, "linux-"), "-")
	image := string(bzImage(release, gzipped(s.t, elfFile(".notes", pvhNote()))))
	files := map[string]string{"DEBIAN/control": "Package: " + deb.Name + "\nVersion: 1\nArchitecture: amd64\nMaintainer: x\nDescription: x\n"}
	switch {
	case part == "binary":
		files["usr/lib/modules/"+release+"/vmlinuz"] = image
	case part == "base":
		files["usr/lib/modules/"+release+"/modules.order"], files["usr/lib/modules/"+release+"/modules.builtin"] = "", ""
	case part == "modules":
		files["usr/lib/modules/"+release+"/kernel/fs/xfs/xfs.ko"] = string(elfFile(".modinfo", []byte("license=GPL\x00")))
	case s.split: // linux-image has nothing but dependencies
	default:
		files["boot/vmlinuz-"+release] = image
		files["lib/modules/"+release+"/modules.order"], files["lib/modules/"+release+"/modules.builtin"] = "", ""
	}
	s.pack(files, deb.Path)
}

// pack makes a package of files, by path.
func (s *shelf) pack(files map[string]string, deb string) {
	s.t.Helper()
	root := s.t.TempDir()
	for path, content := range files {
		path = filepath.Join(root, path)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(content), 0o644)); err != nil {
			s.t.Fatal(err)
		}
	}
	if out, err := exec.Command("dpkg-deb", "--build", "--root-owner-group", root, deb).CombinedOutput(); err != nil {
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

func TestAKernelInSeveralPackagesIsPutTogether(t *testing.T) {
	s, resolver := newShelf(t)
	s.split = true
	kernel, err := resolver.Resolve(t.Context(), "debian:6.12")
	if err != nil {
		t.Fatal(err)
	}
	if kernel.Release != "6.12.117+deb12-amd64" || kernel.PackageVersion != "6.12.117-1" {
		t.Errorf("resolved %+v", kernel)
	}
	loadings, err := resolver.Modules(t.Context(), kernel, "xfs")
	if err != nil || order(loadings[0]) != "xfs" {
		t.Errorf("Modules = %v, %v", loadings, err)
	}
	if cached, err := resolver.Cached(); err != nil || len(cached) != 1 || cached[0].Release != kernel.Release {
		t.Errorf("cached %v, %v", cached, err)
	}
}

func TestAKernelWithoutItsModulesGivesWayToAnOlderOneThatIsWhole(t *testing.T) {
	s, resolver := newShelf(t)
	s.split, s.lost = true, "linux-modules-6.12.117+deb12-amd64"
	kernel, err := resolver.Resolve(t.Context(), "debian:6.12")
	if err != nil || kernel.Release != "6.12.9+deb12-amd64" {
		t.Errorf("Resolve = %+v, %v, want the older", kernel, err)
	}
	_, err = resolver.Resolve(t.Context(), "debian:6.12.117")
	if !errors.Is(err, ErrNotOffered) || !strings.Contains(err.Error(), s.lost) {
		t.Errorf("the one without: %v, want what is missing", err)
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

func TestTheArchiveIsAskedAgainWhenItsListsAreNewOrOld(t *testing.T) {
	s, resolver := newShelf(t)
	resolve := func(want string, asked int) {
		t.Helper()
		kernel, err := resolver.Resolve(t.Context(), "debian:6.12")
		if err != nil || kernel.Release != want || kernel.PackageVersion != s.kernels[want] || s.asked != asked {
			t.Errorf("Resolve = %+v, %v, asked %d times, want %s, %d times", kernel, err, s.asked, want, asked)
		}
	}
	s.lists = time.Unix(1000, 0)
	resolve("6.12.117+deb12-amd64", 1)
	s.kernels["6.12.118+deb12-amd64"] = "6.12.118-1"
	resolve("6.12.117+deb12-amd64", 1)
	s.lists = time.Unix(2000, 0)
	resolve("6.12.118+deb12-amd64", 2)
	if err := os.RemoveAll(resolver.Cache.Path(class)); err != nil {
		t.Fatal(err)
	}
	resolve("6.12.118+deb12-amd64", 3)
	s.lists = time.Time{}
	resolve("6.12.118+deb12-amd64", 4)
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
		"debian:": "want something like 6.12", "debian:6.12; rm": "want something like", "/nowhere/bzImage": "want debian:SERIES, tree:DIR",
	} {
		_, err := Resolver{Cache: cache.Dir(t.TempDir())}.Resolve(t.Context(), spec)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", spec, err, want)
		}
	}
}
