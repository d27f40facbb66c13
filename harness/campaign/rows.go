package campaign

import (
	"fmt"
	"math"
	"slices"

	"github.com/iomapcheck/iomapcheck/harness/prog"
	"github.com/iomapcheck/iomapcheck/vmimage/kernel"
)

// program is the unit's program on a target, as the first row that fits changes it; the row is nil where none does.
func (u Unit) program(target, release string) (prog.Program, *prog.Row, error) {
	at, err := placeOf(blank(u, target, release, ""))
	if err != nil {
		return prog.Program{}, nil, err
	}
	for _, rows := range [][]prog.Row{absent(), u.Case.Rows} {
		row, err := at.fitting(rows)
		if err != nil {
			return prog.Program{}, nil, fmt.Errorf("%s: %w", u.Case.ID, err)
		}
		if row != nil {
			p, err := row.Apply(u.Variant.Program)
			return p, row, err
		}
	}
	return u.Variant.Program, nil, nil
}

// place is what rows tell apart.
type place struct {
	// form is the file system's variant, variant the case's.
	fs, form, variant, target string
	pressure                  bool
	release                   kernel.Version
}

// placeOf is what a verdict is about.
func placeOf(v Verdict) (place, error) {
	release, err := kernel.ParseVersion(v.Kernel)
	if err != nil {
		return place{}, err
	}
	if v.Target == "refengine" {
		release = newest(release)
	}
	return place{v.FS, v.Variant, v.Parameters["variant"], v.Target, v.Parameters["pressure"] != "", release}, nil
}

// IsOf says whether the row speaks of what the verdict is about: file system, case's variant, target, memory pressure and kernel.
func (v Verdict) IsOf(row *prog.Row) bool {
	at, err := placeOf(v)
	if err != nil {
		return false // of no release, which no row speaks of
	}
	fits, err := at.fits(row)
	return fits && err == nil
}

// ProgramOn is the unit's program on a kernel of a series, at its last point release, as the first row that fits changes it. A row that says that
// the rule cannot be tried there is an error.
func (u Unit) ProgramOn(release string) (prog.Program, error) {
	v, err := kernel.ParseVersion(release)
	if err != nil {
		return prog.Program{}, err
	}
	p, row, err := u.program("vm", newest(v).String())
	if err == nil && row != nil && row.Unsupported != "" {
		err = fmt.Errorf("%s cannot be tried there: %s", u.Name(), row.Unsupported)
	}
	return p, err
}

// fitting is the first of the rows that fits, nil where none does.
func (at place) fitting(rows []prog.Row) (*prog.Row, error) {
	for i := range rows {
		if fits, err := at.fits(&rows[i]); fits || err != nil {
			return &rows[i], err
		}
	}
	return nil, nil
}

// newest is the last point release of a series that is given without one: the engine is modelled on what stable series have
// become.
func newest(v kernel.Version) kernel.Version {
	if v.Patch == 0 && v.RC == 0 {
		v.Patch = math.MaxInt
	}
	return v
}

// fits says whether the row speaks of the place.
func (at place) fits(row *prog.Row) (bool, error) {
	in, err := covers(row, at.release)
	if err != nil {
		return false, err
	}
	return in && (len(row.FS) == 0 || slices.ContainsFunc(row.FS, at.on)) &&
		(len(row.Variants) == 0 || slices.Contains(row.Variants, at.variant)) &&
		onTarget(row, at.target) && (at.pressure || !row.Pressure), nil
}

// onTarget says whether the row speaks of the target: what is said of virtual machines is said of kernels, and holds for this machine's as well.
func onTarget(row *prog.Row, target string) bool {
	return row.Target == "" || row.Target == target || row.Target == "vm" && target == "host"
}

// on says whether the place's file system is what a row calls fs: a name alone is every variant, a name with a slash the
// variant behind it, of which the plain form is the one without a name.
func (at place) on(fs string) bool {
	return fs == at.fs || fs == at.fs+"/"+at.form
}

// covers says whether the release is within the row's bounds.
func covers(row *prog.Row, release kernel.Version) (bool, error) {
	since, err := notBefore(release, row.Since)
	if err != nil {
		return false, err
	}
	over, err := notBefore(release, row.Before)
	if err != nil {
		return false, err
	}
	for _, b := range row.Backports {
		has, err := backported(release, b)
		if err != nil {
			return false, err
		}
		since = since || has
	}
	return (row.Since == "" || since) && (row.Before == "" || !over), nil
}

// backported says whether the release is of the same stable series as a point release, and that one or later.
func backported(release kernel.Version, point string) (bool, error) {
	p, err := kernel.ParseVersion(point)
	if err != nil {
		return false, err
	}
	return release.Major == p.Major && release.Minor == p.Minor && release.Compare(p) >= 0, nil
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
