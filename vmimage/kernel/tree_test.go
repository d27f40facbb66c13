package kernel

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/iomapcheck/iomapcheck/vmimage/cache"
	"github.com/iomapcheck/iomapcheck/vmimage/kconfig"
)

// builtTree makes a kernel tree as a build leaves it.
func builtTree(t *testing.T, order string, modules map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	files := map[string]string{
		builtImage: string(bzImage("7.3.0-mine", gzipped(t, elfFile(".notes", pvhNote())))), ".config": kconfig.Fragment(),
		"modules.order": order, "modules.builtin": "kernel/drivers/virtio/virtio_pci.ko\n",
	}
	for path, info := range modules {
		files[path] = string(elfFile(".modinfo", []byte(strings.ReplaceAll(info, ";", "\x00")+"\x00")))
	}
	for path, content := range files {
		writeFile(t, filepath.Join(dir, path), content)
	}
	return dir
}

func writeFile(t *testing.T, path, content string) {
	t.Helper()
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(content), 0o644)); err != nil {
		t.Fatal(err)
	}
}

// withoutStrip hides the machine's strip, which would take the parts of fabricated modules for damage.
func withoutStrip(t *testing.T) { t.Setenv("PATH", t.TempDir()) }

func TestATreesModulesAreInstalledWhicheverWayItListsThem(t *testing.T) {
	withoutStrip(t)
	modules := map[string]string{"fs/xfs/xfs.ko": "depends=crc", "lib/crc.ko": "depends=", "fs/left-over.ko": "depends="}
	for _, order := range []string{"lib/crc.o\nfs/xfs/xfs.o\n", "lib/crc.ko\nfs/xfs/xfs.ko\n", "kernel/lib/crc.ko\nkernel/fs/xfs/xfs.ko\n"} {
		dir := builtTree(t, order, modules)
		resolver := Resolver{Cache: cache.Dir(t.TempDir())}
		kernel, err := resolver.Resolve(t.Context(), "tree:"+dir)
		if err != nil {
			t.Fatal(err)
		}
		if kernel.Release != "7.3.0-mine" || kernel.Note != "" || !strings.HasSuffix(kernel.ModulesDir, "lib/modules/7.3.0-mine") {
			t.Errorf("resolved %+v", kernel)
		}
		loadings, err := resolver.Modules(t.Context(), kernel, "xfs", "virtio_pci")
		if err != nil || orderOf(loadings) != "crc xfs|" {
			t.Errorf("Modules = %v, %v", loadings, err)
		}
		if _, err := resolver.Modules(t.Context(), kernel, "left_over"); err == nil {
			t.Error("a module of an older build, which modules.order does not name, was installed")
		}
	}
}

func orderOf(loadings []Loading) string {
	var all []string
	for _, l := range loadings {
		all = append(all, order(l))
	}
	return strings.Join(all, "|")
}

func TestABuildThatChangedIsInstalledAnewAndTheOldOneStays(t *testing.T) {
	withoutStrip(t)
	dir := builtTree(t, "fs/xfs.o\n", map[string]string{"fs/xfs.ko": "depends="})
	resolver := Resolver{Cache: cache.Dir(t.TempDir())}
	var dirs []string
	for _, built := range []time.Time{time.Unix(1000, 0), time.Unix(1000, 0), time.Unix(2000, 0)} {
		if err := os.Chtimes(filepath.Join(dir, "fs/xfs.ko"), built, built); err != nil {
			t.Fatal(err)
		}
		kernel, err := resolver.Resolve(t.Context(), "tree:"+dir)
		if err != nil {
			t.Fatal(err)
		}
		dirs = append(dirs, kernel.ModulesDir)
	}
	if dirs[0] != dirs[1] || dirs[1] == dirs[2] {
		t.Errorf("installed to %q, want the same while nothing changes", dirs)
	}
	if _, err := os.Stat(filepath.Join(dirs[0], "kernel/fs/xfs.ko")); err != nil {
		t.Error(err)
	}
}

func TestWhatATreesConfigurationLacksIsToldInOneLine(t *testing.T) {
	withoutStrip(t)
	for from, want := range map[string]struct {
		text   string
		needed bool
	}{
		"CONFIG_GFS2_FS=m":  {"for gfs2: CONFIG_GFS2_FS=m", false},
		"CONFIG_DEVTMPFS=y": {"needed to run the guest: CONFIG_DEVTMPFS=y", true},
	} {
		dir := builtTree(t, "", nil)
		writeFile(t, filepath.Join(dir, ".config"), strings.Replace(kconfig.Fragment(), from, "", 1))
		kernel, err := Resolver{Cache: cache.Dir(t.TempDir())}.Resolve(t.Context(), "tree:"+dir)
		said := ""
		if kernel != nil {
			said = kernel.Note
		}
		var lacks *ConfigError
		if errors.As(err, &lacks) {
			said = err.Error()
		}
		if (lacks != nil) != want.needed || !strings.Contains(said, want.text) || !strings.Contains(said, "iomapcheck image kconfig") || strings.Contains(said, "\n") {
			t.Errorf("without %s: %v, %q", from, err, said)
		}
	}
}

func TestATreeThatIsNotBuiltSaysWhatToMake(t *testing.T) {
	withoutStrip(t)
	resolver := Resolver{Cache: cache.Dir(t.TempDir())}
	for missing, want := range map[string]string{builtImage: "build it first", "fs/xfs.ko": "the build is not complete", ".config": ".config"} {
		dir := builtTree(t, "fs/xfs.o\n", map[string]string{"fs/xfs.ko": "depends="})
		if err := os.Remove(filepath.Join(dir, missing)); err != nil {
			t.Fatal(err)
		}
		if _, err := resolver.Resolve(t.Context(), "tree:"+dir); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("without %s: %v, want %q", missing, err, want)
		}
	}
}
