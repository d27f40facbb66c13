package symbol

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Sources are the files that tell of a kernel's functions; empty for what there is not.
type Sources struct {
	// Vmlinux is an ELF file with the kernel's symbols, best with debug information.
	Vmlinux string
	// SystemMap lists the kernel's symbols by address.
	SystemMap string
	// Modules are folders below which the modules' debug information is, each in NAME.ko.debug or NAME.ko.
	Modules []string
}

// Empty reports that nothing is known.
func (s Sources) Empty() bool { return s.Vmlinux == "" && s.SystemMap == "" && len(s.Modules) == 0 }

// Kernel says where a kernel's own files are.
type Kernel struct {
	Release    string // uname -r
	Image      string // path of the bzImage
	ModulesDir string // its modules; empty for none
}

// DebugRoot is where distributions put debug information.
const DebugRoot = "/usr/lib/debug"

// Find looks for a kernel's debug information: in the tree that it was built in, beside its image, and where the distribution's debug packages put
// it below debugRoot (DebugRoot, unless in a test).
func Find(k Kernel, debugRoot string) Sources {
	beside := filepath.Dir(k.Image)
	tree := beside
	if up, ok := strings.CutSuffix(k.Image, filepath.FromSlash("/arch/x86/boot/bzImage")); ok {
		tree = up
	}
	ofRelease := filepath.Join(debugRoot, "lib/modules", k.Release)
	s := Sources{
		Vmlinux: first(isELF, filepath.Join(tree, "vmlinux"), filepath.Join(beside, "vmlinux-"+k.Release), filepath.Join(beside, "vmlinux"),
			filepath.Join(debugRoot, "boot/vmlinux-"+k.Release), filepath.Join(ofRelease, "vmlinux")),
		SystemMap: first(isSystemMap, filepath.Join(tree, "System.map"), filepath.Join(beside, "System.map-"+k.Release), filepath.Join(beside, "System.map"),
			filepath.Join(debugRoot, "boot/System.map-"+k.Release)),
	}
	for _, dir := range []string{ofRelease, k.ModulesDir} {
		if info, err := os.Stat(dir); dir != "" && err == nil && info.IsDir() {
			s.Modules = append(s.Modules, dir)
		}
	}
	if tree != beside {
		s.Modules = append(s.Modules, tree)
	}
	return s
}

// first returns the first of paths that is fit, "" if none is.
func first(fit func(string) bool, paths ...string) string {
	for _, path := range paths {
		if fit(path) {
			return path
		}
	}
	return ""
}

func isELF(path string) bool { return beginning(path, 4) == "\x7fELF" }

// isSystemMap refuses the one-line file that Debian's kernel packages ship in its place ("… B The real System.map is in …").
func isSystemMap(path string) bool {
	text := beginning(path, 256)
	first, _, whole := strings.Cut(text, "\n")
	return whole && len(strings.Fields(first)) == 3
}

// beginning returns up to n bytes of a file, "" if it cannot be read.
func beginning(path string, n int) string {
	file, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer file.Close()
	got := make([]byte, n)
	n, _ = file.Read(got)
	return string(got[:n])
}

// module finds a module's file, "" if there is none that can be read as it is. Traces spell dashes as underscores.
func (s Sources) module(name string) string {
	wanted := func(file string) bool {
		base := strings.TrimSuffix(strings.TrimSuffix(file, ".debug"), ".ko")
		return base != file && strings.ReplaceAll(base, "-", "_") == name
	}
	found := ""
	for _, dir := range s.Modules {
		_ = filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
			if err == nil && entry.Type().IsRegular() && wanted(entry.Name()) && isELF(path) {
				found = path
				return fs.SkipAll
			}
			return nil // what cannot be read has nothing for us
		})
		if found != "" {
			break
		}
	}
	return found
}
