package around

import (
	"fmt"
	"regexp"
	"strings"
)

// Expunged is one entry of a list of tests that are not to be run, in the format of check's -E: a test a line, with a comment behind it, which is why.
type Expunged struct {
	Pattern string // generic/208; with the suffix /* for a whole folder, as some lists have it
	Reason  string // the comment, "" for none
}

// expungeLine is a test's name, or a folder's with an asterisk.
var expungeLine = regexp.MustCompile(`^[[:alnum:]_-]+/([0-9]{3}[[:alnum:]-]*|\*)$`)

// ReadExpunged reads a list. A comment that stands on lines of its own is the reason of those entries right below it that have none.
func ReadExpunged(text string) ([]Expunged, error) {
	var list []Expunged
	above := ""
	fresh := false // the line before was a comment
	for n, line := range numbered(text) {
		entry, comment, commented := strings.Cut(line, "#")
		entry, comment = strings.TrimSpace(entry), strings.TrimSpace(comment)
		switch {
		case entry == "" && commented:
			if !fresh {
				above = ""
			}
			above, fresh = strings.TrimSpace(above+" "+comment), true
			continue
		case entry == "":
			above, fresh = "", false
			continue
		}
		fresh = false
		if !expungeLine.MatchString(entry) {
			return nil, fmt.Errorf("read expunge list: line %d: %q is no test; want FOLDER/NNN", n, entry)
		}
		if comment == "" {
			comment = above
		}
		list = append(list, Expunged{Pattern: entry, Reason: comment})
	}
	return list, nil
}

// Why says why a test is not to be run; false where it is.
func Why(list []Expunged, test string) (string, bool) {
	for _, e := range list {
		folder, all := strings.CutSuffix(e.Pattern, "/*")
		if e.Pattern == test || all && strings.HasPrefix(test, folder+"/") {
			if e.Reason == "" {
				return "expunged, without a reason", true
			}
			return "expunged: " + e.Reason, true
		}
	}
	return "", false
}
