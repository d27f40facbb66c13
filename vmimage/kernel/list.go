package kernel

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/iomapcheck/iomapcheck/vmimage/apt"
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
		image, err := imageIn(root)
		if err != nil {
			continue
		}
		release := releaseAt(image)
		version, _ := strings.CutPrefix(name, release+"_")
		if version == name {
			version = ""
		}
		cached = append(cached, Cached{release, version, root})
	}
	slices.SortStableFunc(cached, func(a, b Cached) int { return compareReleases(b.Release, a.Release) })
	return cached, nil
}

// Has says whether an offered kernel is in the cache.
func (r Resolver) Has(o Offer) bool {
	_, err := imageIn(r.Cache.Path(class, entryName(o.Release, o.PackageVersion)))
	return err == nil
}

// entryName is the cache entry of a distribution's kernel.
func entryName(release, packageVersion string) string { return release + "_" + packageVersion }

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

	// PackageVersion is the distribution's; empty if the kernel is not whole.
	PackageVersion string

	// Size is what is to be fetched, in bytes; 0 if the kernel is not whole.
	Size int64

	// Missing are packages that the kernel needs and the archive lacks: no kernel of the series can be had.
	Missing []string
}

// Offered lists the newest whole kernel of every series that the archive offers, newest first, and of series that have none the newest
// with what it lacks. It fetches package lists if need be, but no package.
func (r Resolver) Offered(ctx context.Context) ([]Offer, error) {
	all, err := r.candidates(ctx, "")
	if err != nil {
		return nil, fmt.Errorf("list offered kernels: %w", err)
	}
	picked := newestBySeries(all)
	var packages []string
	for _, c := range picked {
		if len(c.missing) == 0 {
			packages = append(packages, c.packages...)
		}
	}
	var debs []apt.Deb
	if len(packages) > 0 {
		if debs, err = r.Archive.Plan(ctx, packages, false); err != nil {
			return nil, fmt.Errorf("list offered kernels: %w", err)
		}
	}
	var offers []Offer
	for _, c := range picked {
		offers = append(offers, c.offer(debs))
	}
	return offers, nil
}

func (c candidate) offer(debs []apt.Deb) Offer {
	offer := Offer{Series: c.version.series(), Release: c.release, Missing: c.missing}
	for _, deb := range debs {
		if len(c.missing) == 0 && slices.Contains(c.packages, deb.Name) {
			offer.PackageVersion, offer.Size = deb.Version, offer.Size+deb.Size
		}
	}
	return offer
}

// newestBySeries picks each series' newest whole candidate, or failing that its newest. It takes and returns newest first.
func newestBySeries(all []candidate) []candidate {
	var picked []candidate
	for _, c := range all {
		last := len(picked) - 1
		switch {
		case last < 0 || picked[last].version.series() != c.version.series():
			picked = append(picked, c)
		case len(picked[last].missing) > 0 && len(c.missing) == 0:
			picked[last] = c
		}
	}
	return picked
}

// series is the first two numbers: "6.12".
func (v Version) series() string { return fmt.Sprintf("%d.%d", v.Major, v.Minor) }

// compareReleases orders releases as kernels; unknown forms come first.
func compareReleases(a, b string) int {
	left, _ := ParseVersion(a)
	right, _ := ParseVersion(b)
	return left.Compare(right)
}
