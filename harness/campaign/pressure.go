package campaign

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/iomapcheck/iomapcheck/harness/prog"
)

// ParsePressure reads a setting of the dial as the command line spells it; none and "" leave programs alone.
func ParsePressure(text string) (prog.Dial, error) {
	if text == "" || text == "none" {
		return prog.DialNone, nil
	}
	if d := prog.Dial(text); slices.Contains(prog.Dials(), d) {
		return d, nil
	}
	return "", fmt.Errorf("memory pressure %q: there are none, %s", text, joined(prog.Dials()))
}

func joined(dials []prog.Dial) string {
	var words []string
	for _, d := range dials {
		words = append(words, string(d))
	}
	return strings.Join(words, ", ")
}

// UnderPressure is the units with the dial at a setting.
func UnderPressure(units []Unit, d prog.Dial) []Unit {
	out := slices.Clone(units)
	for i := range out {
		out[i].Pressure = d
	}
	return out
}

// memoryOf is how a target counts memory for a file system of such blocks. The engine charges folios of files and what hogs touch, one
// folio at a time. A kernel charges 64 pages ahead on each processor (MEMCG_CHARGE_BATCH), and on it the processes' own memory can only be
// estimated (exec's allowance).
func memoryOf(target string, block int64) prog.Memory {
	folio := max(block, enginePage)
	if target == "refengine" {
		return prog.Memory{Grain: 4 * folio, Folio: folio, Rounds: engineRounds}
	}
	return prog.Memory{Grain: prog.MiB, Folio: folio, Process: prog.MiB, WritesBack: true}
}

// enginePage is the engine's page, in bytes; engineRounds how often its task beside the program works: enough to come between
// any two steps of it, and few enough for a search.
const (
	enginePage   = 4 * prog.KiB
	engineRounds = 3
)

// underPressure is the unit's program with its memory made short as the unit says; why says that it cannot be.
func (u Unit) underPressure(p prog.Program, target string) (out prog.Program, why string, err error) {
	if u.Pressure == prog.DialNone {
		return p, "", nil
	}
	if u.FS.VariantName() == "dax" {
		return p, "with DAX there is no page cache to take memory from", nil
	}
	out, err = p.Under(u.Pressure, memoryOf(target, u.FS.BlockSize()))
	var cannot *prog.PressureError
	if errors.As(err, &cannot) {
		return p, cannot.Error(), nil
	}
	if err == nil {
		err = out.Check()
	}
	return out, "", err
}
