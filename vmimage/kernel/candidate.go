package kernel

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/iomapcheck/iomapcheck/vmimage/apt"
)

const packagePrefix = "linux-image-"

// candidate is a kernel that the archive offers.
type candidate struct {
	release string
	version Version
	// packages are what it comes in: linux-image-RELEASE, which up to 6.18 is all; then linux-base-, linux-binary- and
	// linux-modules-RELEASE, which that depends on.
	packages []string
	// missing are those that no suite has: archives drop the parts of superseded kernels one after the other.
	missing []string
}

// candidates are the standard kernels of a series, all series if it is empty, newest first.
func (r Resolver) candidates(ctx context.Context, series string) ([]candidate, error) {
	names, err := r.Archive.Names(ctx, packageName(series))
	if err != nil {
		return nil, err
	}
	names = slices.DeleteFunc(names, func(name string) bool { return !standardFlavour(name) })
	if len(names) == 0 {
		return nil, nil
	}
	needs, err := r.Archive.Depends(ctx, names)
	if err != nil {
		return nil, err
	}
	var all []candidate
	for _, name := range names {
		if c, ok := newCandidate(name, needs[name]); ok {
			all = append(all, c)
		}
	}
	slices.SortStableFunc(all, func(a, b candidate) int { return b.version.Compare(a.version) })
	return all, nil
}

// packageName matches the signed standard flavour of a series, or, given a whole release, that release.
func packageName(series string) string {
	switch {
	case series == "":
		return `^linux-image-[0-9]+\.[0-9]+[0-9a-z.+~-]*-amd64$`
	case strings.HasSuffix(series, "-amd64"):
		return `^linux-image-` + regexp.QuoteMeta(series) + `$`
	}
	return `^linux-image-` + regexp.QuoteMeta(series) + `([.+-][0-9a-z.+~-]*)?-amd64$`
}

// standardFlavour is neither made for real time, for clouds, for debuggers, nor without a signature.
func standardFlavour(name string) bool {
	for _, other := range []string{"-rt-", "-cloud-", "-dbg", "-unsigned"} {
		if strings.Contains(name, other) {
			return false
		}
	}
	return true
}

// newCandidate is the kernel in the package called name; false for a package that only stands for another (linux-image-6.12-amd64).
func newCandidate(name string, needs []apt.Dependency) (candidate, bool) {
	release := strings.TrimPrefix(name, packagePrefix)
	version, err := ParseVersion(release)
	c := candidate{release: release, version: version, packages: []string{name}}
	for _, need := range needs {
		switch {
		case strings.HasPrefix(need.Name, packagePrefix):
			return candidate{}, false
		case !strings.HasSuffix(need.Name, "-"+release):
		case need.Offered:
			c.packages = append(c.packages, need.Name)
		default:
			c.missing = append(c.missing, need.Name)
		}
	}
	return c, err == nil
}

// ErrNotOffered says that the archive has no kernel of a series, or none that is whole.
var ErrNotOffered = errors.New("not offered")

// newestOffered is the newest kernel of series that is whole.
func (r Resolver) newestOffered(ctx context.Context, series string) (candidate, error) {
	all, err := r.candidates(ctx, series)
	if err != nil {
		return candidate{}, err
	}
	for _, c := range all {
		if len(c.missing) == 0 {
			return c, nil
		}
	}
	if len(all) > 0 {
		return candidate{}, fmt.Errorf("%w: the package archive has linux-image-%s but not %s, which it needs: "+
			"iomapcheck image kernels --offered lists what is whole", ErrNotOffered, all[0].release, strings.Join(all[0].missing, ", "))
	}
	return candidate{}, fmt.Errorf("%w: the package archive of this machine has no linux-image-%s.*-amd64: "+
		"iomapcheck image kernels --offered lists what it has", ErrNotOffered, strings.TrimSuffix(series, "-amd64"))
}
