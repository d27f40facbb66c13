package apt

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
)

// mirror is a place that the machine's own sources name, and how that place is trusted.
type mirror struct {
	URI string
	// Keys are the deb822 fields of the machine's source that say whose signatures count: "Signed-By: …".
	Keys []string
	// Waivers are those that let unsigned suites pass, the machine's owner's own choice for that mirror: "Trusted: yes".
	Waivers []string
}

// mirrors are where the machine gets Debian from: the main archive, and that of security updates, whose suites are apart.
type mirrors struct{ main, security mirror }

// source is one suite that the machine's configuration names.
type source struct {
	uri, suite string
	entry      string // file:number, as apt tells it: the number of a line, or in a .sources file that of a stanza
}

// mirrors finds Debian in the machine's sources; ok is false where they have none of its suites. Where they have no security
// archive, its usual place beside the main one is tried.
func (a *Archive) mirrors(ctx context.Context) (found mirrors, ok bool, err error) {
	sources, err := a.machineSources(ctx)
	if err != nil {
		return mirrors{}, false, err
	}
	for _, s := range sources {
		into := &found.main
		if strings.HasSuffix(s.suite, "-security") {
			into = &found.security
		}
		if into.URI != "" || !isDebian(s.suite) {
			continue
		}
		if *into, err = s.mirror(); err != nil {
			return mirrors{}, false, err
		}
	}
	if found.security.URI == "" && found.main.URI != "" {
		found.security = found.main
		found.security.URI = strings.TrimSuffix(found.main.URI, "/") + "-security/"
	}
	return found, found.main.URI != "", nil
}

// isDebian tells Debian's suites, by whichever of their names, from those of other publishers.
func isDebian(suite string) bool {
	release, _, _ := strings.Cut(suite, "-")
	return slices.Contains(releases(), release) || slices.Contains([]string{"unstable", "testing", "stable", "oldstable", "oldoldstable", "experimental"}, release)
}

// machineSources asks apt itself, which knows both forms of sources and where they are configured to be.
func (a *Archive) machineSources(ctx context.Context) ([]source, error) {
	// Not our configuration: what it says of sources would be told.
	out, stderr, err := command(ctx, "", "apt-get", "indextargets", "--no-release-info",
		"--format", "$(REPO_URI) $(RELEASE) $(COMPONENT) $(SOURCESENTRY)", "Created-By: Packages")
	if err != nil {
		return nil, fmt.Errorf("read this machine's package sources: %w", oneLine(stderr, err))
	}
	var sources []source
	for line := range strings.Lines(string(out)) {
		if f := strings.Fields(line); len(f) == 4 && f[2] == "main" {
			sources = append(sources, source{uri: f[0], suite: f[1], entry: f[3]})
		}
	}
	return sources, nil
}

// mirror reads what the entry says of signatures. Where there is no such entry the machine's general keys count.
func (s source) mirror() (mirror, error) {
	colon := max(strings.LastIndex(s.entry, ":"), 0)
	path := s.entry[:colon]
	number, err := strconv.Atoi(strings.TrimPrefix(s.entry[colon:], ":"))
	if err != nil {
		return mirror{URI: s.uri}, nil
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return mirror{}, fmt.Errorf("read this machine's package sources: %w", err)
	}
	options := lineOptions
	if strings.HasSuffix(path, ".sources") {
		options = stanzaOptions
	}
	m := mirror{URI: s.uri}
	for _, option := range options(string(text), number) {
		if strings.HasPrefix(strings.ToLower(option), "signed-by") {
			m.Keys = append(m.Keys, option)
		} else {
			m.Waivers = append(m.Waivers, option)
		}
	}
	return m, nil
}

// trusting are the deb822 fields that say how signatures are checked.
func trusting() []string { return []string{"signed-by", "trusted", "allow-insecure", "allow-weak"} }

// lineOptions are the options of the one-line entry at a line, counted from 1: deb [signed-by=/a,/b trusted=yes] URI SUITE.
func lineOptions(text string, number int) []string {
	lines := strings.Split(text, "\n")
	if number < 1 || number > len(lines) {
		return nil
	}
	_, rest, _ := strings.Cut(lines[number-1], "[")
	inside, _, bracketed := strings.Cut(rest, "]")
	if !bracketed {
		return nil
	}
	var options []string
	for option := range strings.FieldsSeq(inside) {
		name, value, _ := strings.Cut(option, "=")
		if slices.Contains(trusting(), strings.ToLower(name)) {
			options = append(options, name+": "+strings.ReplaceAll(value, ",", " "))
		}
	}
	return options
}

// stanzaOptions are the fields of the deb822 stanza with that number, counted from 1. A key may be written out over several lines,
// which begin with a space.
func stanzaOptions(text string, number int) []string {
	var options []string
	stanza, inside, wanted := 0, false, false
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\r\n")
		switch name, _, _ := strings.Cut(line, ":"); {
		case strings.TrimSpace(line) == "":
			inside = false
		case strings.HasPrefix(line, "#"):
		case line[0] == ' ' || line[0] == '\t':
			if wanted {
				options[len(options)-1] += "\n" + line
			}
		default:
			if !inside {
				stanza, inside = stanza+1, true
			}
			if wanted = stanza == number && slices.Contains(trusting(), strings.ToLower(name)); wanted {
				options = append(options, line)
			}
		}
	}
	return options
}
