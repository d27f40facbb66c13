package inside

import (
	"fmt"
	"slices"
	"strings"

	"github.com/iomapcheck/iomapcheck/harness/prog"
)

// themes are the groups of our own, with what they are.
func themes() map[string]string {
	return map[string]string{
		"coherence":  "direct, buffered and mapped I/O agree",
		"durability": "what was promised survives a power cut",
		"fallback":   "direct writes that fall back to buffered I/O",
		"foliolock":  "what is done under a folio's lock",
		"progress":   "truncate and direct I/O get on",
		"regress":    "discussions and bugs that became tests",
	}
}

// quickVariants is up to how many variants a case is quick: half a second each, so that there is room for a slow machine in
// the half minute that the group promises.
const quickVariants = 24

// groupsOf are a test's groups: those that every tree has first.
func groupsOf(c prog.Case) []string {
	groups := []string{"auto"}
	if variants(c) <= quickVariants {
		groups = append(groups, "quick")
	}
	groups = append(groups, "rw", c.Theme())
	if slices.ContainsFunc(c.Variants, func(v prog.Variant) bool { return uses(v.Program, prog.Verb.Mapped) }) {
		groups = append(groups, "mmap")
	}
	if slices.Contains(c.Needs, "aio") {
		groups = append(groups, "aio")
	}
	return groups
}

// variants is how many of a case's variants run by day.
func variants(c prog.Case) int {
	n := 0
	for _, v := range c.Variants {
		if !v.Nightly {
			n++
		}
	}
	return n
}

func uses(p prog.Program, is func(prog.Verb) bool) bool {
	return slices.ContainsFunc(p.Steps(), func(s prog.Step) bool { return is(s.Op.Verb) })
}

// declared are the groups that a text of doc/group-names.txt declares: the first word of each line, as tools/mkgroupfile reads it.
func declared(text string) map[string]bool {
	groups := map[string]bool{}
	for line := range strings.Lines(text) {
		if strings.TrimLeft(line, " \t") != line {
			continue // a description goes on
		}
		if word, _, ok := strings.Cut(strings.ReplaceAll(line, " ", "\t"), "\t"); ok && word != "" {
			groups[word] = true
		}
	}
	return groups
}

// ruler ends the table of groups.
const ruler = "======================="

// declare adds the groups that the text lacks to the end of its table, or of the text where it has none. added is what was put in, "" for
// nothing.
func declare(text string, groups []string) (with, added string, err error) {
	there := declared(text)
	for _, g := range groups {
		if there[g] {
			continue
		}
		what, ours := themes()[g]
		if !ours {
			return "", "", fmt.Errorf("declare group %s: doc/group-names.txt does not have it, and it is not ours to describe: the tree is older than what is known of it", g)
		}
		there[g] = true
		added += fmt.Sprintf("%s\t\t%s\n", g, what)
	}
	at := strings.LastIndex(text, "\n"+ruler) + 1
	if at <= 0 {
		at = len(text)
	}
	if at > 0 && text[at-1] != '\n' {
		return "", "", fmt.Errorf("declare groups: doc/group-names.txt does not end with a line end")
	}
	return text[:at] + added + text[at:], added, nil
}

// undeclare takes out what declare had added. The text may have changed meanwhile, but that piece must be there, once.
func undeclare(text, added string) (string, error) {
	if added == "" {
		return text, nil
	}
	if n := strings.Count(text, added); n != 1 {
		return "", fmt.Errorf("take our groups out of doc/group-names.txt: the lines that were added are there %d times, want 1; take them out by hand", n)
	}
	return strings.Replace(text, added, "", 1), nil
}
