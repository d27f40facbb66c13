package kernel

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
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
	series = strings.TrimSuffix(series, "-amd64") // a whole release is a series of one
	name, archiveErr := r.newestOffered(ctx, series)
	if archiveErr == nil {
		var kernel *Kernel
		if kernel, archiveErr = r.offered(ctx, name); archiveErr == nil {
			return kernel, nil
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

// packageName matches the signed standard flavour: neither -rt-, -cloud- nor -unsigned, -dbg.
func packageName(series string) string {
	return `^linux-image-` + regexp.QuoteMeta(series) + `([.+-][0-9a-z.+~-]*)?-amd64$`
}

func (r Resolver) newestOffered(ctx context.Context, series string) (string, error) {
	names, err := r.Archive.Names(ctx, packageName(series))
	if err != nil {
		return "", err
	}
	newest, _ := newestRelease(names, series, "linux-image-")
	if newest == "" {
		return "", fmt.Errorf("the apt sources of this machine offer no linux-image-%s.*-amd64", series)
	}
	return newest, nil
}

// newestRelease picks from names, which begin with prefix and a release, the newest standard flavour of series.
func newestRelease(names []string, series, prefix string) (name string, newest Version) {
	for _, candidate := range names {
		release, _, _ := strings.Cut(strings.TrimPrefix(candidate, prefix), "_")
		if !standardFlavour(release, series) {
			continue
		}
		version, err := ParseVersion(release)
		if err == nil && version.Compare(newest) > 0 {
			name, newest = candidate, version
		}
	}
	return name, newest
}

// standardFlavour reports whether release is one of series and neither a meta-package (6.12-amd64) nor a special flavour.
func standardFlavour(release, series string) bool {
	flavour := regexp.MustCompile(`-(rt|cloud|dbg|unsigned)\b`)
	meta := regexp.MustCompile(`^\d+\.\d+-amd64$`)
	of := regexp.MustCompile(`^` + regexp.QuoteMeta(series) + `([.+-]|$)`)
	return of.MatchString(release) && !flavour.MatchString(release) && !meta.MatchString(release)
}

// offered fetches and unpacks the package called name unless that version is cached.
func (r Resolver) offered(ctx context.Context, name string) (*Kernel, error) {
	debs, err := r.Archive.Plan(ctx, []string{name}, false)
	if err != nil {
		return nil, err
	}
	if len(debs) != 1 {
		return nil, fmt.Errorf("plan download of %s: %d package files, want 1", name, len(debs))
	}
	release := strings.TrimPrefix(name, "linux-image-")
	root, err := r.Cache.Publish(ctx, class, release+"_"+debs[0].Version, func(dir string) error {
		if err := r.Archive.Fetch(ctx, debs); err != nil {
			return err
		}
		return unpackDeb(ctx, debs[0], dir)
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
	names, err := r.Cache.Entries(class)
	if err != nil {
		return nil, err
	}
	slices.Sort(names)
	newest, _ := newestRelease(names, series, "")
	if newest == "" {
		return nil, nil
	}
	_, version, _ := strings.Cut(newest, "_")
	return r.unpacked(ctx, r.Cache.Path(class, newest), version)
}

// unpacked is the kernel in the unpacked package at root.
func (r Resolver) unpacked(ctx context.Context, root, packageVersion string) (*Kernel, error) {
	images, err := filepath.Glob(filepath.Join(root, "boot", "vmlinuz-*"))
	if err != nil || len(images) != 1 {
		return nil, &DamagedError{root, fmt.Sprintf("%d files match boot/vmlinuz-*, want 1", len(images))}
	}
	kernel, err := r.image(ctx, images[0], root)
	if err != nil {
		return nil, err
	}
	kernel.PackageVersion = packageVersion
	return kernel, nil
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
