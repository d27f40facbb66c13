package kernel

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
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
		return nil, err
	}
	var loadings []Loading
	for _, name := range names {
		loading, err := finder.loading(ctx, name)
		if err != nil {
			return nil, err
		}
		loadings = append(loadings, loading)
	}
	return loadings, nil
}

// PresentModules is Modules without those of the names that the kernel lacks, or whose dependencies it lacks.
func (r Resolver) PresentModules(ctx context.Context, kernel *Kernel, names ...string) ([]Loading, error) {
	finder := &moduleFinder{resolver: r, kernel: kernel}
	if err := finder.index(); err != nil {
		return nil, err
	}
	var loadings []Loading
	for _, name := range names {
		loading, err := finder.loading(ctx, name)
		var missing *MissingModuleError
		switch {
		case errors.As(err, &missing):
		case err != nil:
			return nil, err
		default:
			loadings = append(loadings, loading)
		}
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

// loading is what it takes to load one module.
func (f *moduleFinder) loading(ctx context.Context, name string) (Loading, error) {
	loading := Loading{Name: name}
	if err := f.add(ctx, canonical(name), &loading.Files, map[string]bool{}); err != nil {
		return Loading{}, fmt.Errorf("find module %s: %w", name, err)
	}
	return loading, nil
}

func (f *moduleFinder) index() error {
	f.files, f.builtin = map[string]string{}, map[string]bool{}
	if f.kernel.ModulesDir == "" {
		return nil
	}
	builtin, err := moduleList(filepath.Join(f.kernel.ModulesDir, "modules.builtin"))
	if err != nil {
		return fmt.Errorf("index modules of %s: %w", f.kernel.Release, err)
	}
	for _, path := range builtin {
		f.builtin[moduleName(path)] = true
	}
	if err := f.indexFiles(); err != nil {
		return fmt.Errorf("index modules of %s: %w", f.kernel.Release, err)
	}
	return nil
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
	plain, needs, err := f.inspect(ctx, path)
	if err != nil {
		return err
	}
	if err := f.addNeeds(ctx, needs, list, seen); err != nil {
		return err
	}
	*list = append(*list, Module{Name: name, Path: plain})
	return nil
}

// inspect returns the path of the module at path, uncompressed, and what it says of itself.
func (f *moduleFinder) inspect(ctx context.Context, path string) (plain string, said needs, err error) {
	if plain, err = f.plainFile(ctx, path); err != nil {
		return "", needs{}, err
	}
	said, err = readNeeds(plain)
	if err != nil && plain != path {
		// Our copy is damaged, or the package's file was: the next run makes it anew.
		err = errors.Join(err, os.Remove(plain))
	}
	return plain, said, err
}

func (f *moduleFinder) addNeeds(ctx context.Context, needs needs, list *[]Module, seen map[string]bool) error {
	for _, soft := range needs.soft {
		provider, err := f.provider(ctx, soft)
		if err == nil {
			err = f.add(ctx, provider, list, seen)
		}
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

// provider finds the module behind a soft dependency, which may name a crypto algorithm: crypto-crc32c, xxhash64 and blake2b-256 are
// aliases in crc32c_generic (since 6.16 crc32c_cryptoapi), xxhash_generic and blake2b_generic. modules.alias, which would tell, is made by
// depmod, and packages do not have it; so the modules that are called like the algorithm are asked. Not those below arch, which refuse
// to load on a processor without their instructions.
func (f *moduleFinder) provider(ctx context.Context, name string) (string, error) {
	algorithm := strings.TrimPrefix(name, "crypto-")
	if f.files[canonical(name)] != "" {
		return canonical(name), nil
	}
	stem := canonical(strings.TrimRight(algorithm, "-0123456789"))
	for _, candidate := range slices.Sorted(maps.Keys(f.files)) {
		if !strings.HasPrefix(candidate, stem) || strings.Contains(f.files[candidate], "/arch/") {
			continue
		}
		_, said, err := f.inspect(ctx, f.files[candidate])
		if err != nil {
			return "", err
		}
		if slices.Contains(said.aliases, algorithm) || slices.Contains(said.aliases, "crypto-"+algorithm) {
			return candidate, nil
		}
	}
	return canonical(name), nil
}
