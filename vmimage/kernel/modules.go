package kernel

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Module is one file to load.
type Module struct {
	Name string // as lsmod prints it: virtio_blk
	Path string // its file in the cache, uncompressed
}

// Loading is what loading one module takes.
type Loading struct {
	Name  string   // the module asked for
	Files []Module // in load order, Name's own last; empty if Name is built into the kernel
}

// MissingModuleError says that a kernel has a module neither as a file nor built in.
type MissingModuleError struct {
	Name    string // the module
	Release string // the kernel
}

// Error names both.
func (e *MissingModuleError) Error() string {
	return fmt.Sprintf("kernel %s has no module %s, neither as a file nor built in", e.Release, e.Name)
}

// Modules returns, for each of names, the files to load and their order: first what it depends on. Dependencies are read from the
// modules themselves (.modinfo "depends" and "softdep: pre"): packages ship no modules.dep, depmod makes it when they are installed.
// A kernel without ModulesDir has everything built in as far as we can know.
//
// A module that does not exist is a *MissingModuleError. Decompressed files are kept in dir's cache class "modules".
func (r Resolver) Modules(ctx context.Context, kernel *Kernel, names ...string) ([]Loading, error) {
	finder := &moduleFinder{resolver: r, kernel: kernel}
	if err := finder.index(); err != nil {
		return nil, fmt.Errorf("index modules of %s: %w", kernel.Release, err)
	}
	var loadings []Loading
	for _, name := range names {
		loading := Loading{Name: name}
		if err := finder.add(ctx, canonical(name), &loading.Files, map[string]bool{}); err != nil {
			return nil, fmt.Errorf("find module %s: %w", name, err)
		}
		loadings = append(loadings, loading)
	}
	return loadings, nil
}

// canonical spells a module name as the kernel does: file names have dashes where names have underscores.
func canonical(name string) string { return strings.ReplaceAll(name, "-", "_") }

// moduleFinder serves one call of Modules.
type moduleFinder struct {
	resolver Resolver
	kernel   *Kernel
	files    map[string]string // canonical name to path below ModulesDir
	builtin  map[string]bool
}

func (f *moduleFinder) index() error {
	f.files, f.builtin = map[string]string{}, map[string]bool{}
	if f.kernel.ModulesDir == "" {
		return nil
	}
	builtin, err := moduleList(filepath.Join(f.kernel.ModulesDir, "modules.builtin"))
	if err != nil {
		return err
	}
	for _, path := range builtin {
		f.builtin[moduleName(path)] = true
	}
	return f.indexFiles()
}

// indexFiles walks the tree rather than read modules.order: that does not say how the files are compressed, and knows nothing of
// modules added by hand (updates/, extra/).
func (f *moduleFinder) indexFiles() error {
	return filepath.WalkDir(f.kernel.ModulesDir, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() && strings.Contains(entry.Name(), ".ko") {
			f.files[moduleName(path)] = path
		}
		return err
	})
}

func moduleList(path string) ([]string, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return strings.Fields(string(text)), nil
}

// moduleName of kernel/drivers/block/virtio_blk.ko.xz is virtio_blk.
func moduleName(path string) string {
	name, _, _ := strings.Cut(filepath.Base(path), ".ko")
	return canonical(name)
}

// add appends name's files to list, dependencies first; seen holds what list has already.
func (f *moduleFinder) add(ctx context.Context, name string, list *[]Module, seen map[string]bool) error {
	if seen[name] || f.builtin[name] || f.kernel.ModulesDir == "" {
		return ctx.Err()
	}
	seen[name] = true
	path, found := f.files[name]
	if !found {
		return &MissingModuleError{Name: name, Release: f.kernel.Release}
	}
	plain, err := f.plainFile(ctx, path)
	if err != nil {
		return err
	}
	needs, err := readNeeds(plain)
	if err != nil && plain != path {
		// Our copy is damaged, or the package's file was: the next run makes it anew.
		return errors.Join(err, os.Remove(plain))
	}
	if err != nil {
		return err
	}
	if err := f.addNeeds(ctx, needs, list, seen); err != nil {
		return err
	}
	*list = append(*list, Module{Name: name, Path: plain})
	return nil
}

func (f *moduleFinder) addNeeds(ctx context.Context, needs needs, list *[]Module, seen map[string]bool) error {
	for _, soft := range needs.soft {
		err := f.add(ctx, f.provider(soft), list, seen)
		var missing *MissingModuleError
		if err != nil && !errors.As(err, &missing) {
			return err
		}
	}
	for _, hard := range needs.hard {
		if err := f.add(ctx, canonical(hard), list, seen); err != nil {
			return err
		}
	}
	return nil
}

// provider finds the module behind a soft dependency, which may name a crypto algorithm: crypto-crc32c, crc32c, xxhash64 and
// blake2b-256 are aliases in crc32c_generic, xxhash_generic and blake2b_generic. Aliases proper are in modules.alias, which depmod
// makes and packages do not have.
func (f *moduleFinder) provider(name string) string {
	algorithm := strings.TrimPrefix(name, "crypto-")
	for _, candidate := range []string{name, algorithm + "_generic", strings.TrimRight(algorithm, "-0123456789") + "_generic"} {
		if candidate = canonical(candidate); f.files[candidate] != "" {
			return candidate
		}
	}
	return canonical(name)
}
