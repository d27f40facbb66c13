package kernel

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/iomapcheck/iomapcheck/vmimage/cache"
)

// moduleTree makes a modules folder: file name to .modinfo entries, separated by blanks.
func moduleTree(t *testing.T, modules map[string]string) *Kernel {
	t.Helper()
	dir := t.TempDir()
	write := func(path string, content []byte) {
		path = filepath.Join(dir, path)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, content, 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	write("modules.builtin", []byte("kernel/drivers/char/virtio_console.ko\n"))
	write("modules.order", nil)
	for path, info := range modules {
		content := elfFile(".modinfo", []byte(strings.ReplaceAll(info, ";", "\x00")+"\x00"))
		if strings.HasSuffix(path, ".gz") {
			content = gzipped(t, content)
		}
		if strings.HasSuffix(path, ".zst") {
			content = zstandard(t, content)
		}
		if strings.HasSuffix(path, ".xz") {
			content = xzCompressed(t, content, "--lzma2=dict=1MiB")
		}
		write("kernel/"+path, content)
	}
	return &Kernel{Release: "6.12.1", ModulesDir: dir}
}

// order spells a Loading as its index line does.
func order(loading Loading) string {
	var names []string
	for _, module := range loading.Files {
		names = append(names, module.Name)
	}
	return strings.Join(names, " ")
}

func TestModulesComeAfterWhatTheyNeed(t *testing.T) {
	kernel := moduleTree(t, map[string]string{
		"fs/xfs.ko.xz":                 "license=GPL;depends=libcrc32c",
		"fs/btrfs.ko.zst":              "softdep=pre: crypto-crc32c post: none;softdep=pre: xxhash64 sha256;depends=raid6-pq,libcrc32c",
		"lib/libcrc32c.ko.gz":          "softdep=pre: crc32c;depends=",
		"crypto/crc32c_generic.ko":     "depends=",
		"crypto/xxhash_generic.ko":     "depends=",
		"lib/raid6-pq.ko":              "depends=",
		"drivers/block/virtio-blk.ko":  "depends=",
		"drivers/char/unrelated.ko.xz": "depends=nothing",
	})
	resolver := Resolver{Cache: cache.Dir(t.TempDir())}
	loadings, err := resolver.Modules(t.Context(), kernel, "xfs", "btrfs", "virtio_blk", "virtio_console")
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{
		"crc32c_generic libcrc32c xfs",
		"crc32c_generic xxhash_generic raid6_pq libcrc32c btrfs",
		"virtio_blk",
		"",
	} {
		if got := order(loadings[i]); got != want {
			t.Errorf("%s: %q, want %q", loadings[i].Name, got, want)
		}
	}
}

func TestAModuleThatDoesNotExistIsNamed(t *testing.T) {
	kernel := moduleTree(t, map[string]string{"fs/xfs.ko": "depends=gone"})
	resolver := Resolver{Cache: cache.Dir(t.TempDir())}
	for _, name := range []string{"xfs", "gone"} {
		_, err := resolver.Modules(t.Context(), kernel, name)
		var missing *MissingModuleError
		if !errors.As(err, &missing) || missing.Name != "gone" || missing.Release != "6.12.1" {
			t.Errorf("Modules(%s): %v, want gone to be missing from 6.12.1", name, err)
		}
	}
}

func TestADamagedCopyOfAModuleIsMadeAnewByTheNextRun(t *testing.T) {
	kernel := moduleTree(t, map[string]string{"fs/xfs.ko.gz": "depends="})
	resolver := Resolver{Cache: cache.Dir(t.TempDir())}
	loadings, err := resolver.Modules(t.Context(), kernel, "xfs")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(loadings[0].Files[0].Path, 10); err != nil {
		t.Fatal(err)
	}
	if _, err := resolver.Modules(t.Context(), kernel, "xfs"); err == nil {
		t.Error("a damaged copy was not noticed")
	}
	if _, err := resolver.Modules(t.Context(), kernel, "xfs"); err != nil {
		t.Errorf("after that: %v", err)
	}
}

func TestAKernelWithoutModulesHasEverythingBuiltIn(t *testing.T) {
	resolver := Resolver{Cache: cache.Dir(t.TempDir())}
	loadings, err := resolver.Modules(t.Context(), &Kernel{Release: "7.3-rc7"}, "xfs")
	if err != nil || len(loadings) != 1 || len(loadings[0].Files) != 0 {
		t.Errorf("Modules = %v, %v", loadings, err)
	}
}
