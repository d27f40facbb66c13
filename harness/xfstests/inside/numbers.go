package inside

import (
	_ "embed"
	"fmt"
	"strings"

	"github.com/iomapcheck/iomapcheck/harness/prog"
)

// numbers gives each case its test's number, for ever: expunge lists and results speak of numbers. A new case gets a new line at the end;
// the line of one that is gone stays.
//
//go:embed numbers.txt
var numbers string

// numbered is a case with its number, as in 003.
type numbered struct {
	Number string
	Case   prog.Case
}

// number gives the cases of a catalogue their numbers, in the order of these. A case without one is an error.
func number(catalogue []prog.Case) ([]numbered, error) {
	byID := map[string]prog.Case{}
	for _, c := range catalogue {
		byID[c.ID] = c
	}
	var out []numbered
	for line := range strings.Lines(numbers) {
		n, id, ok := strings.Cut(strings.TrimSpace(line), " ")
		if !ok {
			return nil, fmt.Errorf("read numbers.txt: %q is no number and case", line)
		}
		if c, there := byID[id]; there {
			out = append(out, numbered{n, c})
			delete(byID, id)
		}
	}
	for id := range byID {
		return nil, fmt.Errorf("number the tests: %s has no line in numbers.txt; add one at its end", id)
	}
	return out, nil
}
