package campaign

import (
	"fmt"
	"slices"

	"github.com/iomapcheck/iomapcheck/harness/prog"
	"github.com/iomapcheck/iomapcheck/vmimage/kernel"
)

// program is the unit's program on a target, as the first row that fits changes it; the row is nil where none does.
func (u Unit) program(target, release string) (prog.Program, *prog.Row, error) {
	v, err := kernel.ParseVersion(release)
	if err != nil {
		return prog.Program{}, nil, err
	}
	for i := range u.Case.Rows {
		row := &u.Case.Rows[i]
		fits, err := u.fits(row, target, v)
		if err != nil {
			return prog.Program{}, nil, fmt.Errorf("%s: %w", u.Case.ID, err)
		}
		if fits {
			p, err := row.Apply(u.Variant.Program)
			return p, row, err
		}
	}
	return u.Variant.Program, nil, nil
}

// fits says whether the row speaks of this unit on that target and kernel.
func (u Unit) fits(row *prog.Row, target string, release kernel.Version) (bool, error) {
	since, err := notBefore(release, row.Since)
	if err != nil {
		return false, err
	}
	over, err := notBefore(release, row.Before)
	if err != nil {
		return false, err
	}
	return (len(row.FS) == 0 || slices.Contains(row.FS, u.FS.String())) &&
		(len(row.Variants) == 0 || slices.Contains(row.Variants, u.Variant.Name)) &&
		(row.Target == "" || row.Target == target) &&
		(row.Since == "" || since) && (row.Before == "" || !over), nil
}

// notBefore says whether the release is the bound's or later; a release candidate counts as before its release.
func notBefore(release kernel.Version, bound string) (bool, error) {
	if bound == "" {
		return false, nil
	}
	b, err := kernel.ParseVersion(bound)
	if err != nil {
		return false, err
	}
	return release.Compare(b) >= 0, nil
}
