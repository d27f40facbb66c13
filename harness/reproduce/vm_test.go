package reproduce_test

import (
	"archive/tar"
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/iomapcheck/iomapcheck/cases"
	"github.com/iomapcheck/iomapcheck/ci/report"
	"github.com/iomapcheck/iomapcheck/harness/campaign"
	"github.com/iomapcheck/iomapcheck/harness/fsys"
	"github.com/iomapcheck/iomapcheck/harness/prog"
	"github.com/iomapcheck/iomapcheck/harness/reproduce"
	"github.com/iomapcheck/iomapcheck/harness/target/vm"
	"github.com/iomapcheck/iomapcheck/vmimage/cache"
	"github.com/iomapcheck/iomapcheck/vmimage/qemu"
)

// On a stock kernel, in a machine that has of iomapcheck only what starts the shell: the situation comes about by device-mapper, and the kernel
// is right.
func TestTheDiskIsControlledThroughDeviceMapper(t *testing.T) {
	machine := openMachine(t)
	for _, c := range []struct {
		name string
		want []string
	}{
		{"coherence/post-write-invalidation", []string{` 1 held`, `read f 0 64k .* may-block @refill  => 65536 o:65536`, `read f 0 64k = n @after  => 65536 n:65536`, `^good$`}},
		{"fallback/redirty-during-writeback", []string{` 1 held`, `iomap_dio_invalidate_fail fired 1 times`, `^good$`}},
	} {
		said, code := machine.onDevice(caseProgram(t, c.name), report.On(xfs(t)))
		wants(t, said, code, 0, c.want...)
	}
}

// xfs on Debian's 6.12 zeroes the head of a block that it has just written to (README, What it has found).
func TestAKnownBugIsReproducedByC(t *testing.T) {
	machine := openMachine(t)
	said, code := machine.inFolder("xfs", "fallocate f 0 12k alloc\ndirect-write f 512 8k n guard 4k returns 4k\ndirect-read f 512 4k = n\n")
	wants(t, said, code, 1, `(?m)^BUG: op 2: direct-read f 512 4k = n: bytes \[4096, 4608\) are \.:512, want n`)
}

func wants(t *testing.T, said string, code, want int, lines ...string) {
	t.Helper()
	t.Log("\n" + said)
	if code != want {
		t.Errorf("exit code %d, want %d", code, want)
	}
	for _, line := range lines {
		if !regexp.MustCompile("(?m)" + line).MatchString(said) {
			t.Errorf("it does not say %q", line)
		}
	}
}

func xfs(t *testing.T) fsys.Spec {
	spec, err := fsys.Parse("xfs")
	if err != nil {
		t.Fatal(err)
	}
	return spec
}

func caseProgram(t *testing.T, name string) prog.Program {
	u, err := campaign.ParseName(cases.Catalogue(), name+"@xfs")
	if err != nil {
		t.Fatal(err)
	}
	return u.Variant.Program
}

// machines boots one for each command.
type machine struct {
	t      *testing.T
	target *vm.Target
}

func openMachine(t *testing.T) machine {
	t.Helper()
	if testing.Short() {
		t.Skip("boots a machine")
	}
	if _, err := qemu.Find(t.Context(), ""); err != nil {
		unavailable(t, err)
	}
	target, err := vm.Open(t.Context(), vm.Config{
		Kernel: "debian:6.12", Cache: cacheDir(t), Agent: agent(t), Shell: true, Modules: []string{"dm_mod", "dm_delay"}, Report: func(line string) { t.Log(line) },
	})
	if err != nil {
		unavailable(t, err)
	}
	t.Cleanup(target.Close)
	return machine{t, target}
}

// onDevice runs a program in a machine on /dev/vda.
func (m machine) onDevice(p prog.Program, c reproduce.Circumstances) (said string, code int) {
	files := map[string]string{"repro": m.compile(p, c)}
	for name, path := range tools(m.t) {
		files[name] = path
	}
	return m.run("", files, `for d in dm_mod dm_delay xfs; do for f in $(grep ^$d: /modules/index | cut -d: -f2); do insmod /modules/$f 2>&1 | grep -v exists; done; done
mkdir -p /there; /repro --device /dev/vda --mount /there --mkfs '`+c.Mkfs+`'`)
}

// inFolder runs a program in a machine that has a file system mounted.
func (m machine) inFolder(fs, text string) (said string, code int) {
	p, err := prog.Parse(text)
	if err != nil {
		m.t.Fatal(err)
	}
	return m.run(fs, map[string]string{"repro": m.compile(p, reproduce.Circumstances{})}, "/repro /mnt")
}

// run puts files into a machine and runs a command there.
func (m machine) run(fs string, files map[string]string, command string) (string, int) {
	m.t.Helper()
	ctx, cancel := context.WithTimeout(m.t.Context(), 5*time.Minute)
	defer cancel()
	var said bytes.Buffer
	want := vm.Shell{Command: "tar xf - -C / && " + command, In: packed(m.t, files), Out: &said, Err: &said}
	if fs != "" {
		want.FS = xfs(m.t)
	}
	code, err := m.target.Shell(ctx, want)
	if err != nil {
		m.t.Fatalf("%v\n%s", err, &said)
	}
	return said.String(), code
}

// compile makes a program that needs no libraries.
func (m machine) compile(p prog.Program, c reproduce.Circumstances) string {
	m.t.Helper()
	text, err := reproduce.C(p, c)
	if err != nil {
		m.t.Fatal(err)
	}
	return compiled(m.t, text, "-static")
}

// compiled is a C file's binary.
func compiled(t *testing.T, text string, flags ...string) string {
	t.Helper()
	dir := t.TempDir()
	source, binary := filepath.Join(dir, "repro.c"), filepath.Join(dir, "repro")
	if err := os.WriteFile(source, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	args := append([]string{"-O2", "-Wall", "-Werror", "-pthread", "-o", binary, source}, flags...)
	if out, err := exec.CommandContext(t.Context(), gcc(t), args...).CombinedOutput(); err != nil {
		t.Fatalf("gcc: %v\n%s", err, out)
	}
	return binary
}

func gcc(t *testing.T) string {
	path, err := exec.LookPath("gcc")
	if err != nil {
		t.Skip("there is no gcc here")
	}
	return path
}

// tools are dmsetup and the libraries that it is linked to, in a folder of their own: the machine's programs have others.
func tools(t *testing.T) map[string]string {
	t.Helper()
	path, err := exec.LookPath("dmsetup")
	if err != nil {
		t.Skip("there is no dmsetup here to put into the machine")
	}
	start := filepath.Join(t.TempDir(), "dmsetup")
	files := map[string]string{"tools/dmsetup": path, "bin/dmsetup": start}
	out, err := exec.CommandContext(t.Context(), "ldd", path).Output()
	if err != nil {
		t.Fatal(err)
	}
	linker := ""
	for _, word := range strings.Fields(string(out)) {
		if filepath.IsAbs(word) {
			files["tools/"+filepath.Base(word)] = word
			if strings.HasPrefix(filepath.Base(word), "ld-") {
				linker = filepath.Base(word)
			}
		}
	}
	if err := os.WriteFile(start, []byte("#!/bin/sh\nexec /tools/"+linker+" --library-path /tools /tools/dmsetup \"$@\"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	return files
}

// packed is an archive of files, which are all to be executable.
func packed(t *testing.T, files map[string]string) *bytes.Buffer {
	t.Helper()
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	for name, path := range files {
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o755, Size: int64(len(content))}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(content); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return &out
}

func unavailable(t *testing.T, err error) {
	t.Helper()
	if os.Getenv("IOMAPCHECK_REQUIRE_VM") == "1" {
		t.Fatal(err)
	}
	t.Skipf("no virtual machine can be run here: %v", err)
}

func cacheDir(t *testing.T) cache.Dir {
	if dir := os.Getenv("IOMAPCHECK_CACHE"); dir != "" {
		return cache.Dir(dir)
	}
	dir, err := os.UserCacheDir()
	if err != nil {
		unavailable(t, err)
	}
	return cache.Dir(filepath.Join(dir, "iomapcheck"))
}

// agent is the static binary that is PID 1 of the machine.
func agent(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "iomapcheck")
	build := exec.CommandContext(t.Context(), "go", "build", "-trimpath", "-ldflags=-s -w", "-o", path, "../cmd/iomapcheck")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build the agent: %v\n%s", err, out)
	}
	return path
}
