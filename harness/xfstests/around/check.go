package around

import (
	"encoding/xml"
	"regexp"
	"strconv"
	"strings"
)

// state is what check says of a test.
type state int

const (
	noResult state = iota // check says nothing of it
	passed
	failed
	notRun
)

// checked is a test's result in check's own words.
type checked struct {
	state   state
	message string // why it failed or was not run
	seconds int    // how long it took, by check's clock; 0 where it does not say
}

// suite is check's report in xunit's form, as far as it is of use.
type suite struct {
	Cases []struct {
		Name    string   `xml:"name,attr"`
		Time    int      `xml:"time,attr"`
		Failure *message `xml:"failure"`
		Skipped *message `xml:"skipped"`
	} `xml:"testcase"`
}

type message struct {
	Text string `xml:"message,attr"`
}

// readCheck takes a test's result from check's report, or, where there is none or it is no XML (messages are not always escaped), from what check
// printed.
func readCheck(test, report, output string) checked {
	var s suite
	if xml.Unmarshal([]byte(report), &s) == nil {
		for _, c := range s.Cases {
			switch {
			case c.Name != test:
			case c.Failure != nil:
				return checked{failed, c.Failure.Text, c.Time}
			case c.Skipped != nil:
				return checked{notRun, c.Skipped.Text, c.Time}
			default:
				return checked{passed, "", c.Time}
			}
		}
	}
	return readOutput(test, output)
}

// passedLine is the end of a line about a test that passed: its seconds, behind those of the last time if they are known.
var passedLine = regexp.MustCompile(`(?:^|\s)(\d+)s$`)

// readOutput finds the line about a test in what check prints.
func readOutput(test, output string) checked {
	for line := range strings.Lines(output) {
		rest, ok := strings.CutPrefix(strings.TrimSpace(line), test)
		ok = ok && strings.HasPrefix(rest, " ") // generic/0911 is another test
		rest = strings.TrimSpace(rest)
		_, why, skipped := strings.Cut(rest, "[not run] ")
		switch {
		case !ok:
		case skipped:
			return checked{state: notRun, message: why}
		case strings.Contains(rest, "[failed"), strings.Contains(rest, "- output mismatch"), strings.Contains(rest, "[dumped core]"),
			strings.Contains(rest, "_check_dmesg"), strings.Contains(rest, "is inconsistent"):
			return checked{state: failed, message: rest}
		case passedLine.MatchString(rest):
			seconds, _ := strconv.Atoi(passedLine.FindStringSubmatch(rest)[1]) // digits
			return checked{state: passed, seconds: seconds}
		}
	}
	return checked{}
}

// difference is what of a test's output was not as it should be: the first line that is wanted and the first that came instead, from the excerpt that
// check prints, on one line.
func difference(output string) string {
	var parts []string
	seen := map[byte]bool{}
	for line := range strings.Lines(output) {
		line = strings.TrimRight(strings.TrimPrefix(line, "    "), "\r\n")
		if len(line) < 2 || line[0] != '-' && line[0] != '+' || strings.HasPrefix(line, "---") || strings.HasPrefix(line, "+++") || seen[line[0]] {
			continue
		}
		seen[line[0]] = true
		parts = append(parts, line)
	}
	return strings.Join(parts, " ")
}
