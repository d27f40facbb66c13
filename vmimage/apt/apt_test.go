package apt

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/iomapcheck/iomapcheck/vmimage/cache"
)

// repository is a local package source; apt is pointed at it instead of the machine's own.
type repository struct {
	t   *testing.T
	dir string
}

// newRepository makes apt use an empty local source for the rest of the test.
func newRepository(t *testing.T) *repository {
	t.Helper()
	if err := haveTools("apt-get", "apt-cache", "dpkg-deb"); err != nil {
		t.Skip(err)
	}
	r := &repository{t, t.TempDir()}
	config := t.TempDir()
	sources, conf := filepath.Join(config, "sources.list"), filepath.Join(config, "apt.conf")
	r.write(sources, "deb [trusted=yes] file:"+r.dir+" ./\n")
	r.write(conf, fmt.Sprintf("Dir::Etc::sourcelist %q;\nDir::Etc::sourceparts \"-\";\n", sources))
	t.Setenv("APT_CONFIG", conf)
	r.write(filepath.Join(r.dir, "Packages"), "")
	return r
}

func (r *repository) write(path, content string) {
	r.t.Helper()
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(content), 0o644)); err != nil {
		r.t.Fatal(err)
	}
}

// add offers a package with one file, /share/NAME, of some size.
func (r *repository) add(name, version, depends string) {
	r.t.Helper()
	control := fmt.Sprintf("Package: %s\nVersion: %s\nArchitecture: amd64\nMaintainer: x\nDescription: x\n", name, version)
	if depends != "" {
		control += "Depends: " + depends + "\n"
	}
	root := r.t.TempDir()
	r.write(filepath.Join(root, "DEBIAN/control"), control)
	r.write(filepath.Join(root, "share", name), strings.Repeat(name+version, 5000))
	deb := filepath.Join(r.dir, name+"_"+version+"_amd64.deb")
	if out, err := exec.Command("dpkg-deb", "-Znone", "--build", "--root-owner-group", root, deb).CombinedOutput(); err != nil {
		r.t.Fatalf("%v\n%s", err, out)
	}
	content, err := os.ReadFile(deb)
	if err != nil {
		r.t.Fatal(err)
	}
	sum := sha256.Sum256(content)
	index, err := os.ReadFile(filepath.Join(r.dir, "Packages"))
	if err != nil {
		r.t.Fatal(err)
	}
	r.write(filepath.Join(r.dir, "Packages"), fmt.Sprintf("%s%sFilename: ./%s\nSize: %d\nSHA256: %s\n\n",
		index, control, filepath.Base(deb), len(content), hex.EncodeToString(sum[:])))
}

func plan(t *testing.T, archive *Archive, withDeps bool, packages ...string) []Deb {
	t.Helper()
	debs, err := archive.Plan(t.Context(), packages, withDeps)
	if err != nil {
		t.Fatal(err)
	}
	return debs
}

func TestDependenciesComeCompleteAsIfNothingWereInstalled(t *testing.T) {
	r := newRepository(t)
	r.add("tool", "1:2.0", "libone, libc6")
	r.add("libone", "1", "libtwo")
	r.add("libtwo", "1", "")
	r.add("libc6", "2.36", "")
	archive := Open(cache.Dir(t.TempDir()))
	var names []string
	for _, deb := range plan(t, archive, true, "tool") {
		names = append(names, deb.Name+"="+deb.Version)
	}
	slices.Sort(names)
	if got, want := strings.Join(names, " "), "libc6=2.36 libone=1 libtwo=1 tool=1:2.0"; got != want {
		t.Errorf("planned %s, want %s", got, want)
	}
	if alone := plan(t, archive, false, "tool"); len(alone) != 1 || len(alone[0].SHA256) != 64 {
		t.Errorf("without dependencies: %v", alone)
	}
}

func TestWhatIsFetchedUnpacksAndIsNotFetchedTwice(t *testing.T) {
	r := newRepository(t)
	r.add("tool", "1", "")
	archive := Open(cache.Dir(t.TempDir()))
	var reports []string
	archive.Report = func(line string) { reports = append(reports, line) }
	debs := plan(t, archive, false, "tool")
	for range 2 {
		if err := archive.Fetch(t.Context(), debs); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(reports); n != 2 { // lists, one package
		t.Errorf("reported %q", reports)
	}
	dir := filepath.Join(t.TempDir(), "deep", "below")
	if err := Unpack(t.Context(), debs[0].Path, dir); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "share/tool")); err != nil {
		t.Error(err)
	}
	if err := errors.Join(Discard(debs), Discard(debs)); err != nil {
		t.Error(err)
	}
}

func TestADamagedPackageInTheCacheIsReplaced(t *testing.T) {
	r := newRepository(t)
	r.add("tool", "1", "")
	archive := Open(cache.Dir(t.TempDir()))
	debs := plan(t, archive, false, "tool")
	for name, harm := range map[string]func(string) error{
		"truncated": func(path string) error { return os.Truncate(path, 1000) },
		"one byte": func(path string) error {
			content, err := os.ReadFile(path)
			content[len(content)/2] ^= 1
			return errors.Join(err, os.WriteFile(path, content, 0o644))
		},
	} {
		if err := archive.Fetch(t.Context(), debs); err != nil {
			t.Fatal(err)
		}
		if err := harm(debs[0].Path); err != nil {
			t.Fatal(err)
		}
		var said string
		archive.Report = func(line string) { said += line }
		if err := archive.Fetch(t.Context(), debs); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if err := debs[0].check(); err != nil || !strings.Contains(said, "damaged package "+debs[0].Path) {
			t.Errorf("%s: %v; reported %q", name, err, said)
		}
	}
}

func TestAPackageThatArrivesDamagedIsRefusedInOneLine(t *testing.T) {
	r := newRepository(t)
	r.add("tool", "1", "")
	archive := Open(cache.Dir(t.TempDir()))
	debs := plan(t, archive, false, "tool")
	if err := os.Truncate(filepath.Join(r.dir, "tool_1_amd64.deb"), 1000); err != nil {
		t.Fatal(err)
	}
	err := archive.Fetch(t.Context(), debs)
	if err == nil || strings.Contains(err.Error(), "\n") || !strings.Contains(err.Error(), "tool") {
		t.Errorf("Fetch: %v, want one line that names the package", err)
	}
	if _, err := os.Stat(debs[0].Path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the damaged file is still there: %v", err)
	}
}

func TestUnpackTellsABadPackageFromABadPlace(t *testing.T) {
	r := newRepository(t)
	r.add("tool", "1", "")
	whole := filepath.Join(r.dir, "tool_1_amd64.deb")
	occupied := filepath.Join(t.TempDir(), "dir")
	r.write(filepath.Join(occupied, "share/tool/file"), "in a folder where the package has a file")
	var damaged *DamagedError
	if err := Unpack(t.Context(), whole, occupied); err == nil || errors.As(err, &damaged) {
		t.Errorf("into a bad place: %v, want an error that does not blame the package", err)
	}
	for _, size := range []int64{0, 50, 1000} {
		cut := filepath.Join(t.TempDir(), "cut.deb")
		content, err := os.ReadFile(whole)
		if err := errors.Join(err, os.WriteFile(cut, content[:size], 0o644)); err != nil {
			t.Fatal(err)
		}
		err = Unpack(t.Context(), cut, filepath.Join(t.TempDir(), "dir"))
		if !errors.As(err, &damaged) || damaged.Path != cut || strings.Contains(err.Error(), "\n") {
			t.Errorf("%d bytes: %v, want a DamagedError in one line", size, err)
		}
	}
}

func TestNewPackagesAreSeenWhenNothingMatches(t *testing.T) {
	r := newRepository(t)
	r.add("linux-image-6.12.1-amd64", "1", "")
	archive := Open(cache.Dir(t.TempDir()))
	names, err := archive.Names(t.Context(), "^linux-image-6[.]12.*amd64$")
	if err != nil || len(names) != 1 {
		t.Fatalf("Names = %v, %v", names, err)
	}
	r.add("linux-image-6.13.1-amd64", "1", "")
	old := archive.path("updated")
	if err := os.Chtimes(old, someHoursAgo(), someHoursAgo()); err != nil {
		t.Fatal(err)
	}
	if names, err := archive.Names(t.Context(), "^linux-image-6[.]13"); err != nil || len(names) != 1 {
		t.Errorf("a package that is newer than the lists: %v, %v", names, err)
	}
	if names, err := archive.Names(t.Context(), "^linux-image-9"); err != nil || len(names) != 0 {
		t.Errorf("a package that does not exist: %v, %v", names, err)
	}
}

func TestOldListsServeWhileTheSourceIsUnreachable(t *testing.T) {
	r := newRepository(t)
	r.add("tool", "1", "")
	dir := cache.Dir(t.TempDir())
	plan(t, Open(dir), false, "tool")
	if err := errors.Join(os.RemoveAll(r.dir), os.Chtimes(dir.Path("apt/updated"), longAgo(), longAgo())); err != nil {
		t.Fatal(err)
	}
	archive := Open(dir)
	debs := plan(t, archive, false, "tool")
	err := archive.Fetch(t.Context(), debs)
	if err == nil || strings.Contains(err.Error(), "\n") {
		t.Errorf("Fetch: %v, want one line", err)
	}
	if _, err := Open(cache.Dir(t.TempDir())).Plan(t.Context(), []string{"tool"}, false); err == nil {
		t.Error("no lists and no source: no error")
	}
}

func TestAMachineWithoutAptIsToldWhatToDo(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	_, err := Open(cache.Dir(t.TempDir())).Names(t.Context(), "x")
	if !errors.Is(err, ErrNoApt) || !strings.Contains(err.Error(), "give a kernel as a path") {
		t.Errorf("Names without apt: %v", err)
	}
}

func TestAToolsComplaintsBecomeOneLine(t *testing.T) {
	exit := errors.New("exit status 100")
	for stderr, want := range map[string]string{
		"W: noise\nE: first\nE: second\n":                 "first; second",
		"E: a\nE: b\nE: c\nE: d\n":                        "a; b (and 2 more errors)",
		"dpkg-deb: error: archive 'x' has short member\n": "archive 'x' has short member",
		"something\nlast words\n\n":                       "last words",
		"":                                                "exit status 100",
	} {
		if got := oneLine([]byte(stderr), exit).Error(); got != want {
			t.Errorf("%q: %q, want %q", stderr, got, want)
		}
	}
}

func someHoursAgo() time.Time { return time.Now().Add(-3 * time.Hour) }

func longAgo() time.Time { return time.Now().Add(-2 * maxAge) }
