package compare

import (
	"fmt"
	"slices"
	"strings"

	"github.com/iomapcheck/iomapcheck/harness/judge"
	"github.com/iomapcheck/iomapcheck/harness/xfstests/around/inguest"
)

// none stands where there is no verdict.
const none = "·"

// Cell is a stock test's verdict in a column: "ok 189 s: direct-io 10,193, fallback 12,718"; a dot where there is none.
func (t Test) Cell(column string) string {
	s, there := t.Cells[column]
	if !there {
		return none
	}
	text := string(s.Verdict.Verdict)
	if s.TestSeconds > 0 {
		text += fmt.Sprintf(" %.0f s", s.TestSeconds)
	}
	if reached := s.reached(); reached != "" {
		text += ": " + reached
	}
	return text
}

// reached are the counts that are not zero, in the order in which all tables have them.
func (s Stock) reached() string {
	var parts []string
	for _, branch := range inguest.Branches() {
		if s.Branches[branch] > 0 {
			parts = append(parts, branch+" "+s.count(branch))
		}
	}
	return strings.Join(parts, ", ")
}

// count is how often a branch was reached; a dash where that was not counted.
func (s Stock) count(branch string) string {
	n, counted := s.Branches[branch]
	switch {
	case !counted:
		return "–"
	case s.AtLeast && n > 0:
		return "≥" + grouped(n)
	}
	return grouped(n)
}

// why says what is the matter with each newest verdict that is not ok, a line each.
func (k Kernel) why() []string {
	var out []string
	for _, t := range k.Tests {
		for _, column := range k.Columns {
			if s, there := t.Cells[column]; there && s.Verdict.Verdict != judge.OK && s.Text != "" {
				out = append(out, fmt.Sprintf("%s: %s on %s: %s", s.Verdict.Verdict, t.Name, column, s.Text))
			}
		}
	}
	return out
}

// stock says how often stock tests reached the situation on their way; a dot where none that could has a verdict.
func (s Situation) stock(k Kernel) string {
	var tests, reached []string
	never, blind := 0, 0
	for _, t := range k.Tests {
		if len(s.Tests) > 0 && !slices.Contains(s.Tests, t.Name) {
			continue
		}
		var on []string
		for _, column := range k.Columns {
			c, there := t.Cells[column]
			if !there || len(s.FS) > 0 && !slices.Contains(s.FS, c.FS) {
				continue
			}
			if n, counted := c.Branches[s.Branch]; !counted {
				blind++
			} else if n == 0 {
				never++
			} else {
				on = append(on, fmt.Sprintf("%s on %s", s.share(c), column))
			}
			if !slices.Contains(tests, t.Name) {
				tests = append(tests, t.Name)
			}
		}
		if len(on) > 0 {
			reached = append(reached, t.Name+": "+strings.Join(on, ", "))
		}
	}
	switch {
	case len(tests) == 0:
		return none
	case s.Branch == "":
		return strings.Join(tests, ", ") + ": no count can tell"
	}
	return s.sum(reached, never, blind)
}

// share is a count, of how many direct I/Os.
func (s Situation) share(c Stock) string {
	if s.Branch == inguest.DirectIO {
		return c.count(s.Branch)
	}
	return c.count(s.Branch) + " / " + c.count(inguest.DirectIO)
}

// sum is what was reached, and how many verdicts there are beside, with the count at zero or without it.
func (s Situation) sum(reached []string, never, blind int) string {
	parts := slices.Clone(reached)
	if never > 0 {
		parts = append(parts, "never in "+beside(never, len(reached) > 0))
	}
	if blind > 0 {
		parts = append(parts, "not counted in "+beside(blind, len(reached)+never > 0))
	}
	text := strings.Join(parts, "; ")
	if len(reached) > 0 && s.But != "" {
		text += " (" + s.But + ")"
	}
	return text
}

func beside(n int, others bool) string {
	if others {
		return counted(n, "other verdict")
	}
	return counted(n, "verdict")
}

// counted is "1 run" or "2 runs".
func counted(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// grouped is a number that is not negative, with a comma between thousands.
func grouped(n int64) string {
	text := fmt.Sprint(n)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}
