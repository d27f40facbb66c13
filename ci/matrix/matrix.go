// Package matrix is the one matrix of kernels, file systems, themes and memory pressure, as data (matrix.yaml), and its division into jobs that
// take equally long.
package matrix

import (
	"bytes"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

//go:embed matrix.yaml
var own []byte

// Matrix is what matrix.yaml says.
type Matrix struct {
	// Levels are in order: each has everything of those before it.
	Levels      []Level `yaml:"levels"`
	Kernels     []Part  `yaml:"kernels"`
	FileSystems []Part  `yaml:"file-systems"`
	Themes      []Part  `yaml:"themes"`
	Pressure    []Part  `yaml:"pressure"`
}

// Level is how thoroughly things are tried.
type Level struct {
	Name string `yaml:"name"`
	// Quick leaves variants out that are marked as nightly.
	Quick bool `yaml:"quick"`
	// Budget is the engine's executions of a case.
	Budget int `yaml:"budget"`
	// ShardMinutes is how long a shard is to take, Shards how many there are at most, Jobs how many cases a shard runs side by side.
	ShardMinutes int `yaml:"shard-minutes"`
	Shards       int `yaml:"shards"`
	Jobs         int `yaml:"jobs"`
}

// Part is a value on one of the axes.
type Part struct {
	// Name is a kernel as --kernel takes it (refengine:6.12 is the engine), a file system, a theme, or a setting of the pressure dial.
	Name string `yaml:"name"`
	// From is the least level that has it.
	From string `yaml:"from"`
	Only Only   `yaml:"only"`
}

// Only bounds what a part is combined with; an empty list bounds nothing.
type Only struct {
	Kernels     []string `yaml:"kernels"`
	FileSystems []string `yaml:"file-systems"`
	Themes      []string `yaml:"themes"`
}

// Default is the repository's own matrix.
func Default() (*Matrix, error) { return Parse(bytes.NewReader(own)) }

// Parse reads a matrix. Keys that mean nothing are errors, with their lines.
func Parse(r io.Reader) (*Matrix, error) {
	dec := yaml.NewDecoder(r)
	dec.KnownFields(true)
	m := &Matrix{}
	if err := dec.Decode(m); err != nil {
		return nil, fmt.Errorf("read matrix: %w", err)
	}
	if err := m.check(); err != nil {
		return nil, fmt.Errorf("read matrix: %w", err)
	}
	return m, nil
}

// check finds what cannot be meant: levels and parts that are named but do not exist, or twice.
func (m *Matrix) check() error {
	var errs []error
	for _, l := range m.Levels {
		if l.Name == "" || l.Budget < 1 || l.ShardMinutes < 1 || l.Shards < 1 || l.Jobs < 1 {
			errs = append(errs, fmt.Errorf("level %q: name, budget, shard-minutes, shards and jobs must be given", l.Name))
		}
	}
	for axis, parts := range map[string][]Part{"kernels": m.Kernels, "file-systems": m.FileSystems, "themes": m.Themes, "pressure": m.Pressure} {
		if len(parts) == 0 {
			errs = append(errs, fmt.Errorf("%s: there are none", axis))
		}
		for i, p := range parts {
			if _, err := m.Level(p.From); err != nil {
				errs = append(errs, fmt.Errorf("%s: %s: from: %w", axis, p.Name, err))
			}
			if has(parts[:i], p.Name) {
				errs = append(errs, fmt.Errorf("%s: %s is there twice", axis, p.Name))
			}
			errs = append(errs, m.checkOnly(axis, p))
		}
	}
	return errors.Join(errs...)
}

func (m *Matrix) checkOnly(axis string, p Part) error {
	for _, bound := range []struct {
		names []string
		parts []Part
	}{{p.Only.Kernels, m.Kernels}, {p.Only.FileSystems, m.FileSystems}, {p.Only.Themes, m.Themes}} {
		for _, name := range bound.names {
			if !has(bound.parts, name) {
				return fmt.Errorf("%s: %s: only: there is no %s", axis, p.Name, name)
			}
		}
	}
	return nil
}

func has(parts []Part, name string) bool {
	return slices.ContainsFunc(parts, func(p Part) bool { return p.Name == name })
}

// Level finds a level; the error names those that there are.
func (m *Matrix) Level(name string) (Level, error) {
	var names []string
	for _, l := range m.Levels {
		if l.Name == name {
			return l, nil
		}
		names = append(names, l.Name)
	}
	return Level{}, fmt.Errorf("level %q: there are %s", name, strings.Join(names, ", "))
}

// at says whether a part belongs to a level.
func (m *Matrix) at(p Part, level string) bool {
	rank := func(name string) int { return slices.IndexFunc(m.Levels, func(l Level) bool { return l.Name == name }) }
	return rank(p.From) <= rank(level)
}

// MachineKernels are the kernels of a level that run on machines, not on the engine.
func (m *Matrix) MachineKernels(level string) []string {
	var out []string
	for _, k := range m.Kernels {
		if _, engine := (Cell{Kernel: k.Name}).Engine(); !engine && m.at(k, level) {
			out = append(out, k.Name)
		}
	}
	return out
}
