package symbol

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// tree is the kernel of testdata, as a built tree has it.
func tree() Kernel {
	return Kernel{Release: "6.99.0", Image: filepath.Join("testdata", "tree", "arch/x86/boot/bzImage")}
}

func TestFramesGetTheirLinesAndThoseOfWhatWasInlined(t *testing.T) {
	table := Open(Find(tree(), t.TempDir()))
	for _, tt := range []struct{ line, want string }{
		// A return address belongs to the call before it.
		{" sample_iter+0xc/0x21", " sample_iter+0xc/0x21 (fs/sample/sample.c:21 fs/sample/sample.c:26)"},
		{" ? sample_iter+0x1c/0x21", " ? sample_iter+0x1c/0x21 (fs/sample/sample.c:28)"},
		// The instruction of a fault is itself.
		{"RIP: 0010:sample_iter+0x5/0x21", "RIP: 0010:sample_iter+0x5/0x21 (fs/sample/inner.h:3 fs/sample/sample.c:19 fs/sample/sample.c:26)"},
		{"WARNING: CPU: 0 PID: 1 at fs/x.c:1 sample_begin+0x2/0x6", "WARNING: CPU: 0 PID: 1 at fs/x.c:1 sample_begin+0x2/0x6 (fs/sample/sample.c:14)"},
		// A function of another section is in a sequence of its own, here one of lower addresses that comes later.
		{" sample_cold+0x5/0x9", " sample_cold+0x5/0x9 (fs/sample/sample.c:33)"},
		// Modules have files of their own, whose names may have dashes.
		{" sample_iter+0x1c/0x21 [sample_fs]", " sample_iter+0x1c/0x21 [sample_fs] (fs/sample/sample.c:28)"},
		// The size that kernels print has the padding behind the function in it.
		{" sample_iter+0x1c/0x30", " sample_iter+0x1c/0x30 (fs/sample/sample.c:28)"},
		// Bare addresses get their names.
		{" 0xffffffff81000022", " sample_iter+0x1c/0xffa (fs/sample/sample.c:28)"},
	} {
		if got := table.Annotate([]string{tt.line})[0]; got != tt.want {
			t.Errorf("%q\ngot  %q\nwant %q", tt.line, got, tt.want)
		}
	}
}

func TestWhatIsNotOfThisKernelStaysAsItIs(t *testing.T) {
	lines := []string{
		" sample_iter+0xc/0x127", // of another size: of another build
		" sample_iter+0xc/0x20",  // likewise
		" sample_iter+0x40/0x30", // behind its end
		" nothing+0x1/0x2", " sample_iter+0xc/0x21 [unknown]", "Call Trace:", "", "sample_iter",
		" 0xffffffff90000000", " sample_iter+0xfffffffffffffffffffff/0x21",
	}
	if got := Open(Find(tree(), t.TempDir())).Annotate(lines); !slices.Equal(got, lines) {
		t.Errorf("%q", got)
	}
	var none *Table
	if got := none.Annotate(lines); !slices.Equal(got, lines) {
		t.Errorf("without a table: %q", got)
	}
}

func TestSystemMapAloneNamesBareAddresses(t *testing.T) {
	sources := Find(tree(), t.TempDir())
	sources.Vmlinux = ""
	got := Open(sources).Annotate([]string{" 0xffffffff81000022", "RIP: 0010:0xffffffff81000002", " sample_iter+0xc/0x21"})
	want := []string{" sample_iter+0x1c/0xffa", "RIP: 0010:sample_begin+0x2/0x6", " sample_iter+0xc/0x21"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestADamagedFileIsAsGoodAsNone(t *testing.T) {
	whole, err := os.ReadFile("testdata/tree/vmlinux")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for size := 4; size < len(whole); size += 97 {
		path := filepath.Join(dir, "vmlinux")
		if err := os.WriteFile(path, whole[:size], 0o644); err != nil {
			t.Fatal(err)
		}
		line := " sample_iter+0xc/0x21"
		if got := Open(Sources{Vmlinux: path}).Annotate([]string{line})[0]; !strings.HasPrefix(got, line) {
			t.Errorf("cut to %d bytes: %q", size, got)
		}
	}
}

func TestDebugInformationIsFoundWhereDistributionsPutIt(t *testing.T) {
	root, boot := t.TempDir(), t.TempDir()
	k := Kernel{Release: "6.99.0", Image: filepath.Join(boot, "vmlinuz-6.99.0")}
	put := func(path, text string) string {
		t.Helper()
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	put(filepath.Join(boot, "System.map-6.99.0"), "ffffffffffffffff B The real System.map is in the linux-image-<version>-dbg package\n")
	put(filepath.Join(root, "boot/vmlinux-6.98.0"), "\x7fELF of another")
	if s := Find(k, root); !s.Empty() {
		t.Errorf("nothing is there, and found was %+v", s)
	}
	vmlinux := put(filepath.Join(root, "lib/modules/6.99.0/vmlinux"), "\x7fELF")
	systemMap := put(filepath.Join(root, "boot/System.map-6.99.0"), "ffffffff81000000 T _text\n")
	module := put(filepath.Join(root, "lib/modules/6.99.0/kernel/fs/x-y.ko.debug"), "\x7fELF")
	s := Find(k, root)
	if s.Vmlinux != vmlinux || s.SystemMap != systemMap || s.module("x_y") != module || s.module("x") != "" {
		t.Errorf("found %+v, module %q", s, s.module("x_y"))
	}
}

// FuzzAnnotate feeds any line: what the kernel printed stays in front, and is never shortened, unless a bare address is given its name.
func FuzzAnnotate(f *testing.F) {
	for _, line := range []string{" sample_iter+0xc/0x21", "RIP: 0010:0xffffffff81000022", "x+0xffffffffffffffff/0xffffffffffffffff [a-b]", ""} {
		f.Add(line)
	}
	table := Open(Find(tree(), ""))
	f.Fuzz(func(t *testing.T, line string) {
		got := table.Annotate([]string{line})
		if len(got) != 1 || !strings.HasPrefix(got[0], line) && reBare.FindString(line) == "" {
			t.Errorf("%q became %q", line, got)
		}
	})
}
