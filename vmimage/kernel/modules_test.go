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
		"crypto/crc32c_generic.ko":     "alias=crypto-crc32c;alias=crc32c;depends=",
		"crypto/xxhash_generic.ko":     "alias=crypto-xxhash64;depends=",
		"crypto/xxhash_other.ko":       "alias=crypto-xxhash32;depends=",
		"arch/x86/crypto/crc32c-a.ko":  "alias=crypto-crc32c;depends=",
		"arch/x86/crypto/sha256-a.ko":  "alias=crypto-sha256;depends=",
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

// Debian's 6.17: crc32c_generic is gone, and the algorithm is in a module of another name.
func TestAnAlgorithmIsFoundByItsAlias(t *testing.T) {
	kernel := moduleTree(t, map[string]string{
		"fs/btrfs.ko":                   "softdep=pre: crypto-crc32c;softdep=pre: blake2b-256;depends=",
		"crypto/crc32c-cryptoapi.ko.xz": "alias=crc32c;alias=crypto-crc32c;depends=",
		"crypto/blake2b_generic.ko":     "alias=crypto-blake2b-512;alias=crypto-blake2b-256;depends=",
	})
	resolver := Resolver{Cache: cache.Dir(t.TempDir())}
	loadings, err := resolver.Modules(t.Context(), kernel, "btrfs")
	if want := "crc32c_cryptoapi blake2b_generic btrfs"; err != nil || order(loadings[0]) != want {
		t.Errorf("%v, %v, want %s", loadings, err, want)
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

func TestWhatAKernelLacksIsLeftOutOfThePresentModules(t *testing.T) {
	kernel := moduleTree(t, map[string]string{"fs/xfs.ko": "depends=gone", "fs/zonefs.ko": "depends="})
	resolver := Resolver{Cache: cache.Dir(t.TempDir())}
	loadings, err := resolver.PresentModules(t.Context(), kernel, "xfs", "bcachefs", "zonefs")
	if err != nil || len(loadings) != 1 || loadings[0].Name != "zonefs" || order(loadings[0]) != "zonefs" {
		t.Errorf("got %+v, %v; want zonefs alone", loadings, err)
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
