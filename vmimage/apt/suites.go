package apt

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"
)

// toolsRelease is the release that everything but kernels comes from: one that has a tool for every file system and does not change
// under our feet.
const toolsRelease = "trixie"

// releases are Debian's releases that have kernels of interest, oldest first, with the next one, which may not be there yet.
func releases() []string {
	return []string{"bullseye", "bookworm", "trixie", "forky", "duke", "sid"}
}

// suite is a suite of Debian, and where it is.
type suite struct {
	Name string
	mirror
}

// suites are all that there may be. Which of them a mirror has is found out by asking for them.
func (m mirrors) suites() []suite {
	var all []suite
	for _, release := range releases() {
		all = append(all, suite{release, m.main})
		if release == "sid" {
			continue
		}
		all = append(all, suite{release + "-updates", m.main}, suite{release + "-backports", m.main}, suite{release + "-security", m.security})
	}
	return append(all, suite{"experimental", m.main})
}

// Trouble is why a suite is left out of the sources, or taken on less than usual terms.
type Trouble string

// The troubles that apt tells of.
const (
	// absent suites are not on the mirror: archived, not begun, or never mirrored.
	absent Trouble = "absent"
	// unsigned suites cannot be checked with the machine's keys: they are left out, unless the machine's own source waives the check.
	unsigned Trouble = "unsigned"
	// expired suites get no more updates (a release out of support): they are used, their signatures are checked, their age is not.
	expired Trouble = "expired"
)

// troubles are what was found out about suites, by URI and name, and when.
type troubles struct {
	Found  time.Time
	Suites map[string][]Trouble
}

func (s suite) key() string { return strings.TrimSuffix(s.URI, "/") + " " + s.Name }

// complaints are apt's words for troubles, with the suite in their brackets. In apt: apt-pkg/acquire-item.cc.
func complaints() map[Trouble]*regexp.Regexp {
	return map[Trouble]*regexp.Regexp{
		absent:   regexp.MustCompile(`The repository '(\S+ \S+) Release' (?:does not have|no longer has) a Release file`),
		unsigned: regexp.MustCompile(`The repository '(\S+ \S+) (?:InRelease|Release)' is (?:not|no longer) signed`),
		expired:  regexp.MustCompile(`Release file for (\S+)/dists/(\S+)/(?:In)?Release is expired`),
	}
}

// heed adds what apt complained of; false if that is nothing new, so that trying again would not help.
func (t *troubles) heed(stderr string) bool {
	news := false
	for trouble, form := range complaints() {
		for _, match := range form.FindAllStringSubmatch(stderr, -1) {
			key := strings.Join(match[1:], " ")
			if !slices.Contains(t.Suites[key], trouble) {
				t.Suites[key], news = append(t.Suites[key], trouble), true
			}
		}
	}
	return news
}

// sources is the deb822 text of the suites, without those that are not to be had.
func (t *troubles) sources(suites []suite) string {
	var text strings.Builder
	for _, s := range suites {
		has := func(trouble Trouble) bool { return slices.Contains(t.Suites[s.key()], trouble) }
		if has(absent) || has(unsigned) && len(s.Waivers) == 0 {
			continue
		}
		lines := []string{"Types: deb", "URIs: " + s.URI, "Suites: " + s.Name, "Components: main"}
		lines = append(lines, s.Keys...)
		if has(unsigned) {
			// Not before: what is trusted without a check may lack a Release file, and apt does not tell that it is absent.
			lines = append(lines, s.Waivers...)
		}
		if has(expired) {
			lines = append(lines, "Check-Valid-Until: no")
		}
		fmt.Fprintf(&text, "%s\n\n", strings.Join(lines, "\n"))
	}
	return text.String()
}

// leftOut are the names of those suites that are not used because nobody vouches for them.
func (t *troubles) leftOut(suites []suite) []string {
	var names []string
	for _, s := range suites {
		if slices.Contains(t.Suites[s.key()], unsigned) && len(s.Waivers) == 0 {
			names = append(names, s.Name)
		}
	}
	return names
}

// remembered are the troubles found last, none if that is long ago: then the mirror may have changed.
func remembered(path string) (*troubles, error) {
	fresh := &troubles{Found: time.Now(), Suites: map[string][]Trouble{}}
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return fresh, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read what is known of suites: %w", err)
	}
	var known troubles
	if json.Unmarshal(text, &known) != nil || known.Suites == nil || time.Since(known.Found) > maxAge {
		return fresh, nil
	}
	return &known, nil
}

func (t *troubles) remember(path string) error {
	text, err := json.Marshal(t)
	if err == nil {
		err = os.WriteFile(path, text, 0o644)
	}
	if err != nil {
		return fmt.Errorf("remember what is known of suites: %w", err)
	}
	return nil
}

// preferences make apt take kernels from wherever they are newest, and everything else from one release. Apt holds every pattern against
// every name it knows, 0.3 s a pattern.
func preferences() string {
	return `Package: *
Pin: release n=` + toolsRelease + `
Pin-Priority: 990

Package: linux-*-amd64
Pin: release o=Debian
Pin-Priority: 991
`
}
