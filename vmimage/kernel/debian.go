package kernel

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/iomapcheck/iomapcheck/vmimage/apt"
	"github.com/iomapcheck/iomapcheck/vmimage/cache"
)

// class is the cache class of unpacked kernel packages: kernels/RELEASE_PACKAGEVERSION.
const class = "kernels"

// debian resolves to the newest kernel of series that the archive offers, or failing that, to the newest one cached.
func (r Resolver) debian(ctx context.Context, series string) (*Kernel, error) {
	if !regexp.MustCompile(`^\d+\.\d+(\.\d+)*([+~-][0-9a-z.+~]+)*$`).MatchString(series) {
		return nil, fmt.Errorf("%q is no kernel series; want something like 6.12", series)
	}
	if kernel, ok := r.remembered(ctx, series); ok {
		return kernel, nil
	}
	newest, archiveErr := r.newestOffered(ctx, series)
	if archiveErr == nil {
		var kernel *Kernel
		if kernel, archiveErr = r.offered(ctx, newest); archiveErr == nil {
			return kernel, r.remember(ctx, series, kernel)
		}
	}
	if ctx.Err() != nil || !fallsBack(archiveErr) {
		return nil, archiveErr
	}
	kernel, err := r.newestCached(ctx, series)
	if err != nil || kernel == nil {
		return nil, errors.Join(archiveErr, err)
	}
	kernel.Note = fmt.Sprintf("using the cached kernel %s: %v", kernel.Release, archiveErr)
	return kernel, nil
}

// fallsBack reports whether a cached kernel may stand in after err. A full disk or a damaged package is to be seen and mended.
func fallsBack(err error) bool {
	var full *cache.SpaceError
	var badPackage *apt.DamagedError
	var badImage *DamagedError
	return !errors.As(err, &full) && !errors.As(err, &badPackage) && !errors.As(err, &badImage)
}

// offered fetches and unpacks a candidate unless that version is cached.
func (r Resolver) offered(ctx context.Context, c candidate) (*Kernel, error) {
	debs, err := r.Archive.Plan(ctx, c.packages, false)
	if err != nil {
		return nil, err
	}
	if len(debs) != len(c.packages) {
		return nil, fmt.Errorf("plan download of %s: %d package files, want %d", c.packages[0], len(debs), len(c.packages))
	}
	root, err := r.Cache.Publish(ctx, class, entryName(c.release, debs[0].Version), func(dir string) error {
		if err := r.Archive.Fetch(ctx, debs); err != nil {
			return err
		}
		for _, deb := range debs {
			if err := unpackDeb(ctx, deb, dir); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	kernel, err := r.unpacked(ctx, root, debs[0].Version)
	var damaged *DamagedError
	if errors.As(err, &damaged) {
		return nil, errors.Join(fmt.Errorf("%w (removed from the cache: the next run fetches it again)", err), os.RemoveAll(root))
	}
	return kernel, err
}

// unpackDeb unpacks deb and removes its file, which has served and is large. A damaged one is removed too, so that the next run
// fetches it again.
func unpackDeb(ctx context.Context, deb apt.Deb, dir string) error {
	err := apt.Unpack(ctx, deb.Path, dir)
	var damaged *apt.DamagedError
	if err == nil || errors.As(err, &damaged) {
		return errors.Join(err, apt.Discard([]apt.Deb{deb}))
	}
	return err
}

// newestCached returns the newest unpacked kernel of series, nil if there is none.
func (r Resolver) newestCached(ctx context.Context, series string) (*Kernel, error) {
	cached, err := r.Cached()
	if err != nil {
		return nil, err
	}
	is := regexp.MustCompile(packageName(series))
	for _, c := range cached {
		if name := packagePrefix + c.Release; c.PackageVersion != "" && standardFlavour(name) && is.MatchString(name) {
			return r.unpacked(ctx, c.Path, c.PackageVersion)
		}
	}
	return nil, nil
}

// unpacked is the kernel in the unpacked packages at root.
func (r Resolver) unpacked(ctx context.Context, root, packageVersion string) (*Kernel, error) {
	image, err := imageIn(root)
	if err != nil {
		return nil, err
	}
	kernel, err := r.image(ctx, image, root)
	if err != nil {
		return nil, err
	}
	kernel.PackageVersion = packageVersion
	return kernel, nil
}

// imageIn finds the bzImage of unpacked packages: in /boot, or since Debian's 6.19 beside the modules.
func imageIn(root string) (string, error) {
	var found []string
	for _, place := range []string{"boot/vmlinuz-*", "lib/modules/*/vmlinuz", "usr/lib/modules/*/vmlinuz"} {
		images, err := filepath.Glob(filepath.Join(root, place))
		if err != nil {
			return "", fmt.Errorf("find bzImage: %w", err)
		}
		found = append(found, images...)
	}
	if len(found) != 1 {
		return "", &DamagedError{root, fmt.Sprintf("%d files are called boot/vmlinuz-* or lib/modules/*/vmlinuz, want 1", len(found))}
	}
	return found[0], nil
}

// releaseAt is the release that the path of a bzImage in unpacked packages tells.
func releaseAt(image string) string {
	if release, ok := strings.CutPrefix(filepath.Base(image), "vmlinuz-"); ok {
		return release
	}
	return filepath.Base(filepath.Dir(image))
}

// packageFile is the kernel in a linux-image package given by path; its cache key is the file's size and time.
func (r Resolver) packageFile(ctx context.Context, path string, info fs.FileInfo) (*Kernel, error) {
	name := "file_" + cache.Key(path, info.ModTime().String(), fmt.Sprint(info.Size()))
	root, err := r.Cache.Publish(ctx, class, name, func(dir string) error {
		return apt.Unpack(ctx, path, dir)
	})
	if err != nil {
		return nil, err
	}
	return r.unpacked(ctx, root, "")
}
