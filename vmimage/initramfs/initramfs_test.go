package initramfs

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cavaliergopher/cpio"

	"github.com/iomapcheck/iomapcheck/vmimage/cache"
	"github.com/iomapcheck/iomapcheck/vmimage/kernel"
	"github.com/iomapcheck/iomapcheck/vmimage/userland"
)

func file(t *testing.T, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func config(t *testing.T) Config {
	crc := kernel.Module{Name: "crc32c_generic", Path: file(t, "crc")}
	return Config{
		Init: file(t, "agent"),
		Modules: []kernel.Loading{
			{Name: "xfs", Files: []kernel.Module{crc, {Name: "xfs", Path: file(t, "xfs!")}}},
			{Name: "gfs2", Files: []kernel.Module{crc, {Name: "gfs2", Path: file(t, "gfs2")}}},
			{Name: "virtio_console"},
		},
		Files: []userland.File{{Guest: "/lib/x86_64-linux-gnu/libc.so.6", Host: file(t, "libc"), Mode: 0o755}},
	}
}

// packed is what an archive holds of one path.
type packed struct {
	content string
	mode    cpio.FileMode
}

// unpack reads all archives that are joined in image, with a reader that is not ours.
func unpack(t *testing.T, image string) (order []string, files map[string]packed) {
	t.Helper()
	content, err := os.ReadFile(image)
	if err != nil {
		t.Fatal(err)
	}
	files = map[string]packed{}
	for rest := bytes.NewReader(content); rest.Len() > 0; skipZeros(rest) {
		reader := cpio.NewReader(rest)
		for {
			header, err := reader.Next()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			text, err := io.ReadAll(reader)
			if err != nil {
				t.Fatal(err)
			}
			order = append(order, header.Name)
			files[header.Name] = packed{string(text), header.Mode}
		}
	}
	return order, files
}

// skipZeros goes to the next archive: the padding behind a trailer is not the reader's business.
func skipZeros(r *bytes.Reader) {
	for {
		b, err := r.ReadByte()
		if err != nil {
			return
		}
		if b != 0 {
			_ = r.UnreadByte()
			return
		}
	}
}

func build(t *testing.T, dir cache.Dir, config Config) *Image {
	t.Helper()
	image, err := Build(t.Context(), dir, config)
	if err != nil {
		t.Fatal(err)
	}
	return image
}

func TestAnImageHoldsAgentModulesAndTools(t *testing.T) {
	image := build(t, cache.Dir(t.TempDir()), config(t))
	_, files := unpack(t, image.Path)
	for path, want := range map[string]packed{
		"init":                           {"agent", cpio.TypeReg | 0o755},
		"modules/xfs.ko":                 {"xfs!", cpio.TypeReg | 0o644},
		"modules/crc32c_generic.ko":      {"crc", cpio.TypeReg | 0o644},
		"lib/x86_64-linux-gnu/libc.so.6": {"libc", cpio.TypeReg | 0o755},
		"dev/console":                    {"", cpio.TypeChar | 0o600},
		"proc":                           {"", cpio.TypeDir | 0o755},
		"modules/index": {"xfs: crc32c_generic.ko xfs.ko\ngfs2: crc32c_generic.ko gfs2.ko\nvirtio_console:\n",
			cpio.TypeReg | 0o644},
	} {
		if got := files[path]; got != want {
			t.Errorf("%s: %q %v, want %q %v", path, got.content, got.mode, want.content, want.mode)
		}
	}
	if info, err := os.Stat(image.Path); err != nil || info.Size() != image.Size {
		t.Errorf("size %d, said %d, %v", info.Size(), image.Size, err)
	}
}

func TestFoldersComeBeforeWhatIsInThemAndFilesOnce(t *testing.T) {
	order, _ := unpack(t, build(t, cache.Dir(t.TempDir()), config(t)).Path)
	seen := map[string]bool{".": true}
	for _, path := range order {
		if seen[path] {
			t.Errorf("%s is packed twice", path)
		}
		if !seen[filepath.Dir(path)] {
			t.Errorf("%s comes before its folder", path)
		}
		seen[path] = true
	}
}

func TestDeviceNumbersAreInTheHeader(t *testing.T) {
	var out bytes.Buffer
	if err := writeArchive(&out, []entry{{path: "/dev/console", mode: fs.ModeCharDevice | 0o600, major: 5, minor: 1}}); err != nil {
		t.Fatal(err)
	}
	const rdev = 6 + 9*8
	if got := out.String()[rdev : rdev+16]; got != "0000000500000001" {
		t.Errorf("device numbers %s, want 5 and 1", got)
	}
	if out.Len()%4 != 0 {
		t.Errorf("%d bytes: what is joined behind would be misaligned", out.Len())
	}
}

func TestARebuiltAgentReusesTheBase(t *testing.T) {
	dir, config := cache.Dir(t.TempDir()), config(t)
	first := build(t, dir, config)
	if again := build(t, dir, config); *again != *first {
		t.Errorf("unchanged inputs: %+v, then %+v", first, again)
	}
	config.Init = file(t, "new agent")
	second := build(t, dir, config)
	if second.Key == first.Key {
		t.Error("another agent, the same key")
	}
	if bases, _ := dir.Entries("initramfs-base"); len(bases) != 1 {
		t.Errorf("bases %v, want one", bases)
	}
	config.Modules = config.Modules[1:]
	if third := build(t, dir, config); third.Key == second.Key {
		t.Error("other modules, the same key")
	}
}

func TestAnImageThatWasCutShortIsMadeAnew(t *testing.T) {
	dir, config := cache.Dir(t.TempDir()), config(t)
	first := build(t, dir, config)
	for _, size := range []int64{0, 5, first.Size - 8} {
		if err := os.Truncate(first.Path, size); err != nil {
			t.Fatal(err)
		}
		if again := build(t, dir, config); *again != *first {
			t.Errorf("cut to %d bytes: %+v, want %+v", size, again, first)
		}
	}
}

func TestAMissingInputIsNamed(t *testing.T) {
	config := config(t)
	config.Init = "/nowhere/agent"
	if _, err := Build(t.Context(), cache.Dir(t.TempDir()), config); err == nil || !strings.Contains(err.Error(), "/nowhere/agent") {
		t.Errorf("Build: %v", err)
	}
}

// BenchmarkRebuiltAgent is what a developer waits for after changing the agent: 20 MB of modules and tools, 10 MB of agent.
func BenchmarkRebuiltAgent(b *testing.B) {
	dir := cache.Dir(b.TempDir())
	big := filepath.Join(b.TempDir(), "big")
	agent := filepath.Join(b.TempDir(), "agent")
	if err := os.WriteFile(big, make([]byte, 20<<20), 0o644); err != nil {
		b.Fatal(err)
	}
	content := make([]byte, 10<<20)
	for b.Loop() {
		copy(content, time.Now().String())
		if err := os.WriteFile(agent, content, 0o755); err != nil {
			b.Fatal(err)
		}
		if _, err := Build(b.Context(), dir, Config{Init: agent, Files: []userland.File{{Guest: "/big", Host: big}}}); err != nil {
			b.Fatal(err)
		}
	}
}
