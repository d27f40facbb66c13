package kernel

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
)

// Cached is a kernel package that is unpacked in the cache.
type Cached struct {
	// Release is what uname -r prints in the guest.
	Release string

	// PackageVersion is the distribution's; empty for a package file that was given by its path.
	PackageVersion string

	// Path is the folder that the package is unpacked in.
	Path string
}

// Cached lists the kernels in the cache, newest first. Entries that are damaged are left out: Resolve mends them.
func (r Resolver) Cached() ([]Cached, error) {
	names, err := r.Cache.Entries(class)
	if err != nil {
		return nil, err
	}
	var cached []Cached
	for _, name := range names {
		root := r.Cache.Path(class, name)
		images, err := filepath.Glob(filepath.Join(root, "boot", "vmlinuz-*"))
		if err != nil || len(images) != 1 {
			continue
		}
		release := strings.TrimPrefix(filepath.Base(images[0]), "vmlinuz-")
		version, _ := strings.CutPrefix(name, release+"_")
		if version == name {
			version = ""
		}
		cached = append(cached, Cached{release, version, root})
	}
	slices.SortStableFunc(cached, func(a, b Cached) int { return compareReleases(b.Release, a.Release) })
	return cached, nil
}

// Open prepares a cached kernel without asking the archive.
func (r Resolver) Open(ctx context.Context, c Cached) (*Kernel, error) {
	kernel, err := r.unpacked(ctx, c.Path, c.PackageVersion)
	if err != nil {
		return nil, fmt.Errorf("open cached kernel %s: %w", c.Release, err)
	}
	kernel.Spec = c.Path
	return kernel, nil
}

// Offer is the newest kernel of a series in the archive.
type Offer struct {
	// Series is what follows debian: in a spec that means this kernel: "6.12".
	Series string

	// Release is what uname -r will print.
	Release string

	// PackageVersion is the distribution's.
	PackageVersion string

	// Size is the package file's, in bytes.
	Size int64
}

// Offered lists the newest kernel of every series that the archive offers, newest first. It fetches package lists if need be, but no
// package.
func (r Resolver) Offered(ctx context.Context) ([]Offer, error) {
	names, err := r.Archive.Names(ctx, `^linux-image-[0-9]+\.[0-9]+[0-9a-z.+~-]*-amd64$`)
	if err != nil {
		return nil, fmt.Errorf("list offered kernels: %w", err)
	}
	newest := newestBySeries(names)
	if len(newest) == 0 {
		return nil, nil
	}
	debs, err := r.Archive.Plan(ctx, newest, false)
	if err != nil {
		return nil, fmt.Errorf("list offered kernels: %w", err)
	}
	var offers []Offer
	for _, deb := range debs {
		release := strings.TrimPrefix(deb.Name, packagePrefix)
		offers = append(offers, Offer{seriesOf(release), release, deb.Version, deb.Size})
	}
	slices.SortStableFunc(offers, func(a, b Offer) int { return compareReleases(b.Release, a.Release) })
	return offers, nil
}

const packagePrefix = "linux-image-"

// newestBySeries picks the name of each series' newest package.
func newestBySeries(names []string) []string {
	var picked []string
	for _, name := range names {
		series := seriesOf(strings.TrimPrefix(name, packagePrefix))
		newest, _ := newestRelease(names, series, packagePrefix)
		if newest != "" && !slices.Contains(picked, newest) {
			picked = append(picked, newest)
		}
	}
	return picked
}

// seriesOf is the release's first two numbers: "6.12"; empty if it has an unknown form.
func seriesOf(release string) string {
	version, err := ParseVersion(release)
	if err != nil {
		return ""
	}
	return fmt.Sprintf("%d.%d", version.Major, version.Minor)
}

// compareReleases orders releases as kernels; unknown forms come first.
func compareReleases(a, b string) int {
	left, _ := ParseVersion(a)
	right, _ := ParseVersion(b)
	return left.Compare(right)
}
