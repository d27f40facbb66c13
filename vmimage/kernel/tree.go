package kernel

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/iomapcheck/iomapcheck/vmimage/cache"
	"github.com/iomapcheck/iomapcheck/vmimage/kconfig"
)

// treeClass is the cache class of modules installed from built trees: trees/KEY/lib/modules/RELEASE. The key changes with every build, so
// that what a run has open stays while the tree is built anew.
const treeClass = "trees"

// Builds that are kept, and for how long a run may take.
const (
	keepTrees = 3
	idleTree  = time.Hour
)

// ConfigError says that a tree was built without options that a guest cannot do without.
type ConfigError struct {
	Config string         // path of the .config
	Lacks  []kconfig.Lack // all that it lacks, needed or not
}

// Error is one line that says how to mend it.
func (e *ConfigError) Error() string {
	return fmt.Sprintf("%s lacks options (merge them from: iomapcheck image kconfig), %s", e.Config, kconfig.Describe(e.Lacks))
}

// tree is the kernel built in the folder dir, with its modules installed into the cache.
func (r Resolver) tree(ctx context.Context, dir string) (*Kernel, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("find kernel tree: %w", err)
	}
	image := filepath.Join(dir, builtImage)
	if _, err := os.Stat(image); err != nil {
		return nil, fmt.Errorf("find built kernel: %w: build it first (make -C %s bzImage modules)", err, dir)
	}
	lacks, err := checkConfig(filepath.Join(dir, ".config"))
	if err != nil {
		return nil, err
	}
	kernel, err := r.image(ctx, image, "")
	if err != nil {
		return nil, err
	}
	if kernel.ModulesDir, err = r.installModules(ctx, dir, kernel.Release); err != nil {
		return nil, err
	}
	if len(lacks) > 0 {
		kernel.Note = strings.TrimPrefix(kernel.Note+"; "+(&ConfigError{filepath.Join(dir, ".config"), lacks}).Error(), "; ")
	}
	return kernel, nil
}

// checkConfig returns what the configuration lacks that a guest can do without; a *ConfigError if it cannot.
func checkConfig(path string) ([]kconfig.Lack, error) {
	lacks, err := readLacks(path)
	if err != nil {
		return nil, err
	}
	if slices.ContainsFunc(lacks, kconfig.Lack.Needed) {
		return nil, &ConfigError{path, lacks}
	}
	return lacks, nil
}

// readLacks returns all that the configuration lacks.
func readLacks(path string) ([]kconfig.Lack, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read kernel configuration: %w", err)
	}
	defer file.Close()
	lacks, err := kconfig.Check(file)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return lacks, nil
}

// builtModule is a module that a build made.
type builtModule struct {
	path string // in the tree: fs/xfs/xfs.ko
	info fs.FileInfo
}

// installModules does what make modules_install does, as far as Modules needs it: it collects the files that modules.order names.
func (r Resolver) installModules(ctx context.Context, dir, release string) (string, error) {
	modules, err := builtModules(dir)
	if err != nil {
		return "", err
	}
	key := []string{dir, release}
	for _, m := range modules {
		key = append(key, m.path, fmt.Sprint(m.info.Size()), m.info.ModTime().UTC().String())
	}
	root, err := r.Cache.Publish(ctx, treeClass, cache.Key(key...), func(root string) error {
		return install(ctx, dir, filepath.Join(root, "lib/modules", release), modules)
	})
	if err != nil {
		return "", err
	}
	cache.Touch(root)
	return filepath.Join(root, "lib/modules", release), r.Cache.Prune(ctx, treeClass, keepTrees, idleTree)
}

// builtModules reads a tree's modules.order: fs/xfs/xfs.ko, since 6.4 fs/xfs/xfs.o, before 5.4 kernel/fs/xfs/xfs.ko.
func builtModules(dir string) ([]builtModule, error) {
	order, err := moduleList(filepath.Join(dir, "modules.order"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil // built without modules
	}
	if err != nil {
		return nil, fmt.Errorf("list built modules: %w", err)
	}
	var modules []builtModule
	for _, path := range order {
		path = strings.TrimPrefix(path, "kernel/")
		path = strings.TrimSuffix(strings.TrimSuffix(path, ".ko"), ".o") + ".ko"
		info, err := os.Stat(filepath.Join(dir, path))
		if err != nil {
			return nil, fmt.Errorf("find built module: %w: modules.order names it, so the build is not complete (make -C %s modules)", err, dir)
		}
		modules = append(modules, builtModule{path, info})
	}
	return modules, nil
}

// install copies modules from dir to the folder to, laid out like an installed kernel's.
func install(ctx context.Context, dir, to string, modules []builtModule) error {
	var order strings.Builder
	var files []string
	for _, m := range modules {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		file := filepath.Join(to, "kernel", m.path)
		if err := copyBuilt(filepath.Join(dir, m.path), file); err != nil {
			return err
		}
		files = append(files, file)
		fmt.Fprintf(&order, "kernel/%s\n", m.path)
	}
	if err := os.MkdirAll(to, 0o755); err != nil {
		return fmt.Errorf("install modules: %w", err)
	}
	if err := os.WriteFile(filepath.Join(to, "modules.order"), []byte(order.String()), 0o644); err != nil {
		return fmt.Errorf("install modules: %w", err)
	}
	err := copyBuilt(filepath.Join(dir, "modules.builtin"), filepath.Join(to, "modules.builtin"))
	return errors.Join(err, stripDebug(ctx, files))
}

func copyBuilt(from, to string) error {
	source, err := os.Open(from)
	if err != nil {
		return fmt.Errorf("install module: %w", err)
	}
	defer source.Close()
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return fmt.Errorf("install module: %w", err)
	}
	target, err := os.Create(to)
	if err != nil {
		return fmt.Errorf("install module: %w", err)
	}
	if _, err := io.Copy(target, source); err != nil {
		target.Close()
		return fmt.Errorf("install module %s: %w", to, err)
	}
	return target.Close()
}
