package userland

import (
	"bytes"
	"debug/elf"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// libraryDirs returns where the dynamic linker looks, in its order. Packages of a distribution with a merged /usr still ship files under
// either name.
func libraryDirs() []string {
	return []string{
		"/lib/x86_64-linux-gnu", "/usr/lib/x86_64-linux-gnu", "/lib64", "/usr/lib64", "/lib", "/usr/lib",
	}
}

// programDirs returns where packages put programs; releases move them.
func programDirs() []string {
	return []string{"/sbin", "/usr/sbin", "/bin", "/usr/bin"}
}

// libraries returns the paths, inside tree, of everything the program at path is linked to: its interpreter and the DT_NEEDED closure.
// The dynamic linker of the host plays no part: the tree may be of another release.
func libraries(tree, path string) ([]string, error) {
	found := map[string]bool{}
	queue := []string{path}
	var paths []string
	for len(queue) > 0 {
		needed, err := needed(tree, queue[0])
		if err != nil {
			return nil, err
		}
		queue = queue[1:]
		for _, library := range needed {
			if !found[library] {
				found[library] = true
				paths, queue = append(paths, library), append(queue, library)
			}
		}
	}
	return paths, nil
}

// needed returns what the file at path is itself linked to.
func needed(tree, path string) ([]string, error) {
	host, err := follow(tree, path)
	if err != nil {
		return nil, err
	}
	file, err := elf.Open(host)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	defer file.Close()
	names, err := file.DynString(elf.DT_NEEDED)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	interpreter, err := interpreter(file)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	var paths []string
	if interpreter != "" {
		paths = append(paths, interpreter)
	}
	for _, name := range names {
		library, err := search(tree, name, libraryDirs())
		if err != nil {
			return nil, fmt.Errorf("%s needs %w", path, err)
		}
		paths = append(paths, library)
	}
	return paths, nil
}

// interpreter returns the dynamic linker's path, "" for a library or a static program.
func interpreter(file *elf.File) (string, error) {
	for _, prog := range file.Progs {
		if prog.Type == elf.PT_INTERP {
			path, err := io.ReadAll(prog.Open())
			return string(bytes.TrimRight(path, "\x00")), err
		}
	}
	return "", nil
}

// search finds the file called name in the first of dirs that has it.
func search(tree, name string, dirs []string) (string, error) {
	for _, dir := range dirs {
		path := filepath.Join(dir, name)
		if _, err := follow(tree, path); err == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("%s, which is in none of the packages", name)
}

// maxLinks is the kernel's limit on symbolic links in one look-up.
const maxLinks = 40

// follow returns the host's path of the file at guest path inside tree, resolving symbolic links as if tree were the root. Links in
// the middle of a path are not followed (packages have none that matter), so nothing leads out of tree.
func follow(tree, path string) (string, error) {
	for range maxLinks {
		host := filepath.Join(tree, path)
		info, err := os.Lstat(host)
		if errors.Is(err, fs.ErrNotExist) && !strings.HasPrefix(path, "/usr/") {
			path = "/usr" + path // a merged /usr: what is called /sbin/x is shipped as /usr/sbin/x
			continue
		}
		if err != nil {
			return "", fmt.Errorf("find %s in the packages: %w", path, fs.ErrNotExist)
		}
		if info.Mode()&fs.ModeSymlink == 0 {
			return host, nil
		}
		target, err := os.Readlink(host)
		if err != nil {
			return "", fmt.Errorf("find %s in the packages: %w", path, err)
		}
		if !filepath.IsAbs(target) {
			target = filepath.Join(filepath.Dir(path), target)
		}
		path = filepath.Clean("/" + target)
	}
	return "", fmt.Errorf("find %s in the packages: too many symbolic links", path)
}
