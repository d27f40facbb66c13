package kernel

import (
	"cmp"
	"fmt"
	"regexp"
	"strconv"
)

// Version is a kernel version as `uname -r` and tags spell it, in kernel order: a release candidate comes before its release, which
// a semantic-version library gets wrong for distribution suffixes (to it 6.12.117+deb12-amd64 is a pre-release). The zero value
// comes before every version.
type Version struct {
	Major, Minor, Patch int

	// RC is n of a release candidate -rcN, 0 if it is none.
	RC int

	// Extra is what follows: "+deb12-amd64", "-50-amd64", "-00012-gabcdef". Runs of digits in it compare as numbers.
	Extra string
}

var (
	reVersion = regexp.MustCompile(`^v?(\d+)\.(\d+)(?:\.(\d+))?(?:-rc(\d+))?([-+~_].*)?$`)
	reRun     = regexp.MustCompile(`\d+|\D+`)
)

// ParseVersion reads "6.12", "6.12.117+deb12-amd64", "7.3-rc7", "6.1.0-50-amd64".
func ParseVersion(text string) (Version, error) {
	match := reVersion.FindStringSubmatch(text)
	if match == nil {
		return Version{}, fmt.Errorf("parse kernel version %q: want MAJOR.MINOR[.PATCH][-rcN][suffix]", text)
	}
	version := Version{Extra: match[5]}
	for i, field := range []*int{&version.Major, &version.Minor, &version.Patch, &version.RC} {
		if match[i+1] == "" {
			continue
		}
		n, err := strconv.Atoi(match[i+1])
		if err != nil {
			return Version{}, fmt.Errorf("parse kernel version %q: %w", text, err)
		}
		*field = n
	}
	return version, nil
}

// String spells v so that ParseVersion reads the same value back. A patch level of 0 is left out before -rc, as tags do.
func (v Version) String() string {
	if v.RC > 0 && v.Patch == 0 {
		return fmt.Sprintf("%d.%d-rc%d%s", v.Major, v.Minor, v.RC, v.Extra)
	}
	if v.RC > 0 {
		return fmt.Sprintf("%d.%d.%d-rc%d%s", v.Major, v.Minor, v.Patch, v.RC, v.Extra)
	}
	return fmt.Sprintf("%d.%d.%d%s", v.Major, v.Minor, v.Patch, v.Extra)
}

// Compare returns -1, 0 or +1 as v is older than, the same as or newer than other.
func (v Version) Compare(other Version) int {
	return cmp.Or(
		cmp.Compare(v.Major, other.Major),
		cmp.Compare(v.Minor, other.Minor),
		cmp.Compare(v.Patch, other.Patch),
		cmp.Compare(v.candidate(), other.candidate()),
		compareNatural(v.Extra, other.Extra),
	)
}

// AtLeast reports whether v is major.minor or newer; a release candidate of major.minor is not.
func (v Version) AtLeast(major, minor int) bool {
	return v.Compare(Version{Major: major, Minor: minor}) >= 0
}

// candidate orders -rcN before the release.
func (v Version) candidate() int {
	if v.RC == 0 {
		return int(^uint(0) >> 1)
	}
	return v.RC
}

// compareNatural compares runs of digits as numbers and everything else by byte: "-9-amd64" comes before "-10-amd64".
func compareNatural(a, b string) int {
	left, right := reRun.FindAllString(a, -1), reRun.FindAllString(b, -1)
	for i := 0; i < min(len(left), len(right)); i++ {
		if order := compareRun(left[i], right[i]); order != 0 {
			return order
		}
	}
	return cmp.Compare(len(left), len(right))
}

func compareRun(a, b string) int {
	m, errA := strconv.ParseUint(a, 10, 64)
	n, errB := strconv.ParseUint(b, 10, 64)
	if errA == nil && errB == nil {
		return cmp.Compare(m, n)
	}
	return cmp.Compare(a, b)
}
