// Package kconfig knows which options a kernel must be built with, and finds those that a configuration lacks.
package kconfig

import (
	"bufio"
	_ "embed"
	"fmt"
	"io"
	"slices"
	"strings"
)

//go:embed fragment.config
var fragment string

// Fragment is the text to merge into a kernel's configuration.
func Fragment() string { return fragment }

// Option is a line of the fragment.
type Option struct {
	Name  string // CONFIG_XFS_FS
	Value string // "y" must be built in, "m" may be a module
	For   string // what it serves: "for xfs", "needed to run the guest"
}

// Needed says that no machine runs without it.
func (o Option) Needed() bool { return strings.HasPrefix(o.For, "needed") }

// options are the fragment's, in its order. A line that begins with "## " is the heading of those below it.
func options() []Option {
	var all []Option
	heading := ""
	for line := range strings.Lines(fragment) {
		line = strings.TrimSpace(line)
		if title, found := strings.CutPrefix(line, "## "); found {
			heading = title
		}
		if name, value, found := strings.Cut(line, "="); found && strings.HasPrefix(name, "CONFIG_") {
			all = append(all, Option{name, value, heading})
		}
	}
	return all
}

// Lack is an option that a configuration has not, or not in the way that is wanted.
type Lack struct {
	Option
	Have string // "" for not set
}

// String is how a configuration would say it: "CONFIG_PVH=y", with what it says instead.
func (l Lack) String() string {
	if l.Have == "" {
		return l.Name + "=" + l.Value
	}
	return fmt.Sprintf("%s=%s (not %s)", l.Name, l.Value, l.Have)
}

// Check returns what a kernel's .config lacks, in the fragment's order. Errors are those of reading it.
func Check(config io.Reader) ([]Lack, error) {
	have := map[string]string{}
	lines := bufio.NewScanner(config)
	for lines.Scan() {
		if name, value, found := strings.Cut(lines.Text(), "="); found {
			have[name] = value
		}
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("read kernel configuration: %w", err)
	}
	var lacks []Lack
	for _, o := range options() {
		if is := have[o.Name]; is != "y" && is != o.Value {
			lacks = append(lacks, Lack{o, is})
		}
	}
	return lacks, nil
}

// Describe puts lacks into one line, by what they serve.
func Describe(lacks []Lack) string {
	var order []string
	names := map[string][]string{}
	for _, l := range lacks {
		if !slices.Contains(order, l.For) {
			order = append(order, l.For)
		}
		names[l.For] = append(names[l.For], l.String())
	}
	for i, purpose := range order {
		order[i] = purpose + ": " + strings.Join(names[purpose], " ")
	}
	return strings.Join(order, "; ")
}
