// Package kernel finds the kernel a run is about and makes it bootable: from the distribution's packages (fetched through
// vmimage/apt, unpacked, never installed), or from a path to a bzImage, a built tree or a package.
//
// It unpacks vmlinux out of the bzImage, because a guest that is entered through PVH skips the real-mode code and the
// decompressor (0.65 s of a 2.7 s boot under TCG), and it finds the modules a list of modules needs.
package kernel

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/iomapcheck/iomapcheck/vmimage/apt"
	"github.com/iomapcheck/iomapcheck/vmimage/cache"
)

// Kernel is a kernel that can be booted.
type Kernel struct {
	// Spec is what it was resolved from: "debian:6.12", "/src/linux".
	Spec string

	// Release is what uname -r prints in the guest: "6.12.117+deb12-amd64".
	Release string

	// Version is Release, parsed; the zero Version if Release has an unknown form.
	Version Version

	// PackageVersion is the distribution's: "6.12.117-1~deb12u1"; empty for a path.
	PackageVersion string

	// Image is the path of the bzImage.
	Image string

	// Vmlinux is the path of the uncompressed ELF image if that can be entered through PVH, else empty: then boot Image.
	Vmlinux string

	// ModulesDir is the folder with the modules, lib/modules/RELEASE; empty if everything needed is built in.
	ModulesDir string

	// Note is empty, or one line the user should see: that the archive could not be reached and a cached kernel is used, or
	// why there is no Vmlinux.
	Note string
}

// Archive is where distribution packages come from. *apt.Archive implements it.
type Archive interface {
	Current() (time.Time, bool)
	Names(ctx context.Context, expression string) ([]string, error)
	Depends(ctx context.Context, packages []string) (map[string][]apt.Dependency, error)
	Plan(ctx context.Context, packages []string, withDeps bool) ([]apt.Deb, error)
	Fetch(ctx context.Context, debs []apt.Deb) error
}

// Resolver finds kernels.
type Resolver struct {
	Cache   cache.Dir // where unpacked kernels are kept, keyed by package version
	Archive Archive   // asked for "debian:" specs only
}

// Resolve finds and prepares the kernel that spec names:
//
//   - debian:6.12      the newest linux-image-6.12.*-amd64 (the signed standard flavour) in any suite of the machine's mirror;
//   - debian:6.12.117  any longer prefix of the release, likewise; a whole release, 7.3-amd64, is that one;
//   - tree:DIR         a built kernel tree with the modules it built, which are installed into the cache; what its .config lacks is
//     told in Note, or is a *ConfigError if no guest runs without it;
//   - PATH             a bzImage, a built kernel tree, or a linux-image .deb; ",modules=DIR" names the folder with its modules:
//     the one that holds modules.order, or one with lib/modules/RELEASE below it (make modules_install INSTALL_MOD_PATH=DIR).
//
// If the archive cannot be reached the newest cached kernel of the series is used and Note says so.
func (r Resolver) Resolve(ctx context.Context, spec string) (*Kernel, error) {
	kernel, err := r.resolve(ctx, spec)
	if err != nil {
		return nil, fmt.Errorf("resolve kernel %s: %w", spec, err)
	}
	kernel.Spec = spec
	return kernel, nil
}

func (r Resolver) resolve(ctx context.Context, spec string) (*Kernel, error) {
	if series, found := strings.CutPrefix(spec, "debian:"); found {
		return r.debian(ctx, series)
	}
	if dir, found := strings.CutPrefix(spec, "tree:"); found {
		return r.tree(ctx, dir)
	}
	path, modules, _ := strings.Cut(spec, ",modules=")
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return nil, fmt.Errorf("want debian:SERIES, tree:DIR, or the path of a bzImage, built tree or .deb: %w", err)
	case strings.HasSuffix(path, ".deb"):
		return r.packageFile(ctx, path, info)
	case info.IsDir():
		path = filepath.Join(path, builtImage)
	}
	return r.image(ctx, path, modules)
}

// builtImage is where a build puts the bzImage.
const builtImage = "arch/x86/boot/bzImage"

// image is the kernel in the bzImage at path.
func (r Resolver) image(ctx context.Context, path, modules string) (*Kernel, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("find bzImage: %w", err)
	}
	header, err := readHeader(path)
	if err != nil {
		return nil, err
	}
	kernel := &Kernel{Release: header.release, Image: path}
	kernel.Version, _ = ParseVersion(header.release)
	if modules != "" {
		if kernel.ModulesDir, err = modulesDir(modules, header.release); err != nil {
			return nil, err
		}
	}
	return kernel, r.unpackVmlinux(ctx, kernel, header)
}

// modulesDir finds the folder of release's modules in or below dir.
func modulesDir(dir, release string) (string, error) {
	for _, candidate := range []string{
		dir, filepath.Join(dir, release), filepath.Join(dir, "lib/modules", release), filepath.Join(dir, "usr/lib/modules", release),
	} {
		if _, err := os.Stat(filepath.Join(candidate, "modules.order")); err == nil {
			return withoutLinks(candidate)
		}
	}
	return "", fmt.Errorf("find modules of %s: no modules.order in %s or its lib/modules/%[1]s", release, dir)
}

// withoutLinks is the absolute path without links: walking a folder does not follow one.
func withoutLinks(path string) (string, error) {
	path, err := filepath.EvalSymlinks(path)
	if err != nil {
		return "", fmt.Errorf("find modules: %w", err)
	}
	return filepath.Abs(path)
}
