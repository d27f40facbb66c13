package matrix

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/iomapcheck/iomapcheck/harness/campaign"
	"github.com/iomapcheck/iomapcheck/harness/prog"
)

// Cell is one combination.
type Cell struct{ Kernel, FS, Theme, Pressure string }

// Engine is the release that the engine behaves like, where the cell is the engine's.
func (c Cell) Engine() (release string, ok bool) { return strings.CutPrefix(c.Kernel, "refengine:") }

// Cells are the combinations of a level, by kernel, pressure, file system and theme.
func (m *Matrix) Cells(level string) ([]Cell, error) {
	if _, err := m.Level(level); err != nil {
		return nil, err
	}
	var out []Cell
	for _, k := range m.Kernels {
		for _, p := range m.Pressure {
			for _, f := range m.FileSystems {
				for _, t := range m.Themes {
					if m.at(k, level) && m.at(p, level) && m.at(f, level) && m.at(t, level) && fit(k, f, t, p) {
						out = append(out, Cell{k.Name, f.Name, t.Name, p.Name})
					}
				}
			}
		}
	}
	return out, nil
}

// fit says whether the parts may be combined.
func fit(kernel, fs, theme, pressure Part) bool {
	for _, p := range []Part{kernel, fs, theme, pressure} {
		if !allows(p.Only.Kernels, kernel) || !allows(p.Only.FileSystems, fs) || !allows(p.Only.Themes, theme) {
			return false
		}
	}
	return true
}

func allows(only []string, p Part) bool { return len(only) == 0 || slices.Contains(only, p.Name) }

// Units are the cell's units of a catalogue; none where the theme has no case for it. Quick leaves nightly variants out.
func (c Cell) Units(catalogue []prog.Case, quick bool) ([]campaign.Unit, error) {
	dial, err := campaign.ParsePressure(c.Pressure)
	if err != nil {
		return nil, fmt.Errorf("cell %s: %w", c, err)
	}
	var mine []prog.Case
	for _, one := range catalogue {
		if one.Theme() == c.Theme {
			mine = append(mine, one)
		}
	}
	if len(mine) == 0 {
		return nil, fmt.Errorf("cell %s: no case has that theme", c)
	}
	units, err := campaign.Plan(mine, campaign.Selection{FS: []string{c.FS}, Quick: quick})
	if err != nil {
		return nil, fmt.Errorf("cell %s: %w", c, err)
	}
	return campaign.UnderPressure(units, dial), nil
}

// String is the cell as ParseCells reads it: debian:6.12@xfs@fallback@none.
func (c Cell) String() string {
	return strings.Join([]string{c.Kernel, c.FS, c.Theme, c.Pressure}, "@")
}

// Join spells cells in few words: those that differ in their theme alone stand together, as in debian:6.12@xfs@coherence,fallback@none.
func Join(cells []Cell) string {
	var order []Cell // without themes
	themes := map[Cell][]string{}
	for _, c := range cells {
		at := Cell{Kernel: c.Kernel, FS: c.FS, Pressure: c.Pressure}
		if themes[at] == nil {
			order = append(order, at)
		}
		themes[at] = append(themes[at], c.Theme)
	}
	var words []string
	for _, at := range order {
		at.Theme = strings.Join(themes[at], ",")
		words = append(words, at.String())
	}
	return strings.Join(words, " ")
}

// ParseCells reads what Join spells.
func ParseCells(text string) ([]Cell, error) {
	var out []Cell
	for _, word := range strings.Fields(text) {
		parts := strings.Split(word, "@")
		if len(parts) != 4 || slices.Contains(parts, "") {
			return nil, fmt.Errorf("cell %q: want KERNEL@FILESYSTEM@THEME[,THEME…]@PRESSURE", word)
		}
		for _, theme := range strings.Split(parts[2], ",") {
			out = append(out, Cell{parts[0], parts[1], theme, parts[3]})
		}
	}
	if len(out) == 0 {
		return nil, errors.New("no cells: want KERNEL@FILESYSTEM@THEME[,THEME…]@PRESSURE, once for each")
	}
	return out, nil
}
