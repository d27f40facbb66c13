package userland

import (
	"bytes"
	"context"
	"debug/elf"
	"encoding/binary"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/iomapcheck/iomapcheck/vmimage/apt"
	"github.com/iomapcheck/iomapcheck/vmimage/cache"
)

// dynamic builds an ELF file that is linked to an interpreter (if not empty) and to the libraries called needed.
func dynamic(interpreter string, needed ...string) []byte {
	const header, prog, section = 64, 56, 64
	strtab := "\x00" + strings.Join(needed, "\x00") + "\x00.s\x00"
	var dyn bytes.Buffer
	at := uint64(1)
	for _, name := range needed {
		_ = binary.Write(&dyn, binary.LittleEndian, []uint64{uint64(elf.DT_NEEDED), at})
		at += uint64(len(name)) + 1
	}
	_ = binary.Write(&dyn, binary.LittleEndian, []uint64{0, 0})
	interpAt := uint64(header + prog)
	dynAt := interpAt + uint64(len(interpreter)) + 1
	strAt := dynAt + uint64(dyn.Len())
	sectionsAt := strAt + uint64(len(strtab))
	var out bytes.Buffer
	put := func(values ...any) {
		for _, value := range values {
			_ = binary.Write(&out, binary.LittleEndian, value)
		}
	}
	put([]byte("\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00"), uint16(elf.ET_DYN), uint16(elf.EM_X86_64), uint32(1),
		uint64(0), uint64(header), sectionsAt, uint32(0), uint16(header), uint16(prog), uint16(1), uint16(section), uint16(3), uint16(2))
	kind := elf.PT_INTERP
	if interpreter == "" {
		kind = elf.PT_NULL
	}
	size := uint64(len(interpreter)) + 1
	put(uint32(kind), uint32(elf.PF_R), interpAt, uint64(0), uint64(0), size, size, uint64(1))
	out.WriteString(interpreter + "\x00")
	out.Write(dyn.Bytes())
	out.WriteString(strtab)
	put(make([]byte, section))
	put(at32(at), uint32(elf.SHT_DYNAMIC), uint64(0), uint64(0), dynAt, uint64(dyn.Len()), uint32(2), uint32(0), uint64(8), uint64(16))
	put(at32(at), uint32(elf.SHT_STRTAB), uint64(0), uint64(0), strAt, uint64(len(strtab)), uint32(0), uint32(0), uint64(1), uint64(0))
	return out.Bytes()
}

func at32(at uint64) uint32 { return uint32(at) }

// tree makes a folder of files; content "-> x" is a symbolic link to x.
func tree(t *testing.T, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for path, content := range files {
		path = filepath.Join(root, path)
		err := os.MkdirAll(filepath.Dir(path), 0o755)
		if target, link := strings.CutPrefix(content, "-> "); link {
			err = errors.Join(err, os.Symlink(target, path))
		} else {
			err = errors.Join(err, os.WriteFile(path, []byte(content), 0o755))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return root
}

// system is a tree like a distribution's, with libraries under either of /lib and /usr/lib, behind links, needing each other in a circle.
func system(t *testing.T) string {
	loader := "/lib64/ld-linux-x86-64.so.2"
	files := map[string]string{
		"/usr/sbin/mkfs.xfs":                         string(dynamic(loader, "libc.so.6", "libuuid.so.1")),
		"/sbin/mke2fs":                               string(dynamic(loader, "libc.so.6")),
		"/bin/mkfs.btrfs":                            string(dynamic(loader, "libc.so.6")),
		"/usr/bin/mkfs.gfs2":                         string(dynamic(loader, "libc.so.6")),
		"/usr/sbin/mkzonefs":                         string(dynamic(loader, "libc.so.6")),
		"/usr/sbin/bcachefs":                         string(dynamic(loader, "libc.so.6")),
		"/usr/sbin/mkfs.f2fs":                        string(dynamic(loader, "libc.so.6")),
		"/etc/mke2fs.conf":                           "conf",
		"/usr/bin/irrelevant":                        "program",
		"/lib64/ld-linux-x86-64.so.2":                "-> /lib/x86_64-linux-gnu/ld-linux-x86-64.so.2",
		"/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2": string(dynamic("")),
		"/lib/x86_64-linux-gnu/libc.so.6":            string(dynamic("", "ld-linux-x86-64.so.2")),
		"/usr/lib/x86_64-linux-gnu/libuuid.so.1":     "-> libuuid.so.1.3.0",
		"/usr/lib/x86_64-linux-gnu/libuuid.so.1.3.0": string(dynamic("", "libc.so.6", "libcircle.so.1")),
		"/usr/lib/x86_64-linux-gnu/libcircle.so.1":   string(dynamic("", "libuuid.so.1")),
	}
	return tree(t, files)
}

func TestLibrariesAreTheWholeClosureOnce(t *testing.T) {
	got, err := libraries(system(t), "/sbin/mkfs.xfs")
	slices.Sort(got)
	want := []string{
		"/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2", "/lib/x86_64-linux-gnu/libc.so.6", "/lib/x86_64-linux-gnu/libcircle.so.1",
		"/lib/x86_64-linux-gnu/libuuid.so.1", "/lib64/ld-linux-x86-64.so.2",
	}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("libraries %q, %v\n     want %q", got, err, want)
	}
}

func TestALibraryNoPackageHasIsNamedWithWhoNeedsIt(t *testing.T) {
	root := tree(t, map[string]string{"/sbin/mkfs.xfs": string(dynamic("", "libgone.so.9"))})
	_, err := libraries(root, "/sbin/mkfs.xfs")
	if err == nil || !strings.Contains(err.Error(), "/sbin/mkfs.xfs needs libgone.so.9") {
		t.Errorf("libraries: %v", err)
	}
}

func TestLinksAreFollowedInsideTheTree(t *testing.T) {
	root := tree(t, map[string]string{
		"/a": "-> /b/c", "/b/c": "-> ../d", "/d": "end", "/loop": "-> /loop", "/out": "-> ../../../../../etc/passwd", "/usr/sbin/x": "x",
	})
	for path, want := range map[string]string{"/a": "/d", "/d": "/d", "/sbin/x": "/usr/sbin/x"} {
		if got, err := follow(root, path); err != nil || got != root+want {
			t.Errorf("follow %s = %q, %v, want %s", path, got, err, want)
		}
	}
	for _, path := range []string{"/loop", "/out", "/nothing"} {
		if got, err := follow(root, path); err == nil {
			t.Errorf("follow %s = %q, want an error", path, got)
		}
	}
}

// packages is an Archive whose only package is a tree.
type packages struct {
	t       *testing.T
	tree    string
	damaged bool
	fetched int
	deb     string
	absent  string // a package that the archive has not
	broken  string // a package that cannot be had together with the others
	planned []string
}

func (p *packages) Names(_ context.Context, expression string) ([]string, error) {
	is := regexp.MustCompile(expression)
	return slices.DeleteFunc(packageNames(tools()), func(name string) bool { return name == p.absent || !is.MatchString(name) }), nil
}

func (p *packages) Plan(_ context.Context, names []string, withDeps bool) ([]apt.Deb, error) {
	if !withDeps || !slices.Contains(names, "xfsprogs") {
		p.t.Errorf("planned %v, dependencies %v", names, withDeps)
	}
	if slices.Contains(names, p.broken) {
		return nil, errors.New("unmet dependencies")
	}
	p.planned = names
	return []apt.Deb{{Name: "all", Path: p.deb}}, nil
}

func (p *packages) Fetch(context.Context, []apt.Deb) error {
	p.fetched++
	control := filepath.Join(p.tree, "DEBIAN")
	text := "Package: all\nVersion: 1\nArchitecture: amd64\nMaintainer: x\nDescription: x\n"
	if err := errors.Join(os.MkdirAll(control, 0o755), os.WriteFile(filepath.Join(control, "control"), []byte(text), 0o644)); err != nil {
		return err
	}
	if err := exec.Command("dpkg-deb", "--build", p.tree, p.deb).Run(); err != nil {
		return err
	}
	if p.damaged {
		return os.Truncate(p.deb, 500)
	}
	return nil
}

func newPackages(t *testing.T) *packages {
	t.Helper()
	if _, err := exec.LookPath("dpkg-deb"); err != nil {
		t.Skip("no dpkg-deb here to make and unpack packages with")
	}
	return &packages{t: t, tree: system(t), deb: filepath.Join(t.TempDir(), "all.deb")}
}

func TestOnlyToolsAndWhatTheyNeedAreKept(t *testing.T) {
	archive, dir := newPackages(t), cache.Dir(t.TempDir())
	var files []File
	for range 2 {
		var err error
		if files, err = Resolve(t.Context(), dir, archive); err != nil {
			t.Fatal(err)
		}
	}
	if archive.fetched != 1 {
		t.Errorf("fetched %d times, want once", archive.fetched)
	}
	var paths []string
	for _, file := range files {
		paths = append(paths, file.Guest)
		if info, err := os.Lstat(file.Host); err != nil || !info.Mode().IsRegular() || info.Mode().Perm() != file.Mode {
			t.Errorf("%s: %v, %v, want a regular file of mode %v", file.Host, info, err, file.Mode)
		}
	}
	want := []string{
		"/etc/mke2fs.conf", "/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2", "/lib/x86_64-linux-gnu/libc.so.6",
		"/lib/x86_64-linux-gnu/libcircle.so.1", "/lib/x86_64-linux-gnu/libuuid.so.1", "/lib64/ld-linux-x86-64.so.2",
		"/sbin/bcachefs", "/sbin/mkfs.btrfs", "/sbin/mkfs.ext4", "/sbin/mkfs.f2fs", "/sbin/mkfs.gfs2", "/sbin/mkfs.xfs", "/sbin/mkzonefs",
	}
	if !slices.Equal(paths, want) {
		t.Errorf("files %q\n want %q", paths, want)
	}
}

func TestWhatIsOptionalMayBeAbsentOrUnfit(t *testing.T) {
	for _, c := range []struct {
		archive packages
		want    string
	}{
		{packages{absent: "bcachefs-tools"}, "xfsprogs e2fsprogs btrfs-progs gfs2-utils zonefs-tools f2fs-tools"},
		{packages{broken: "bcachefs-tools"}, "xfsprogs e2fsprogs btrfs-progs gfs2-utils"},
	} {
		archive := newPackages(t)
		archive.absent, archive.broken = c.archive.absent, c.archive.broken
		files, err := Resolve(t.Context(), cache.Dir(t.TempDir()), archive)
		if err != nil || strings.Join(archive.planned, " ") != c.want {
			t.Errorf("planned %v, %v, want %s", archive.planned, err, c.want)
		}
		for _, file := range files {
			if file.Guest == "/sbin/bcachefs" {
				t.Errorf("%s is there without its package", file.Guest)
			}
		}
	}
	for _, needed := range []string{"xfsprogs", "gfs2-utils"} {
		archive := newPackages(t)
		archive.broken = needed
		if _, err := Resolve(t.Context(), cache.Dir(t.TempDir()), archive); err == nil {
			t.Errorf("without %s: no error", needed)
		}
	}
}

func TestADamagedPackageIsNamedAndTheNextRunFetchesAgain(t *testing.T) {
	archive, dir := newPackages(t), cache.Dir(t.TempDir())
	archive.damaged = true
	_, err := Resolve(t.Context(), dir, archive)
	var damaged *apt.DamagedError
	if !errors.As(err, &damaged) || damaged.Path != archive.deb || strings.Contains(err.Error(), "\n") {
		t.Errorf("Resolve: %v", err)
	}
	if _, err := os.Stat(archive.deb); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the damaged package is still there: %v", err)
	}
	archive.damaged = false
	if _, err := Resolve(t.Context(), dir, archive); err != nil {
		t.Errorf("next run: %v", err)
	}
}
