package report

import (
	"encoding/xml"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/iomapcheck/iomapcheck/harness/judge"
)

// The elements of JUnit's XML that continuous-integration systems read.
type (
	junitSuites struct {
		XMLName xml.Name      `xml:"testsuites"`
		Suites  []*junitSuite `xml:"testsuite"`
	}
	junitSuite struct {
		Name      string      `xml:"name,attr"`
		Tests     int         `xml:"tests,attr"`
		Failures  int         `xml:"failures,attr"`
		Errors    int         `xml:"errors,attr"`
		Skipped   int         `xml:"skipped,attr"`
		Time      float64     `xml:"time,attr"`
		Timestamp string      `xml:"timestamp,attr"`
		Cases     []junitCase `xml:"testcase"`
	}
	junitCase struct {
		Class   string       `xml:"classname,attr"`
		Name    string       `xml:"name,attr"`
		Time    float64      `xml:"time,attr"`
		Failure *junitReason `xml:"failure"`
		Error   *junitReason `xml:"error"`
		Skipped *junitReason `xml:"skipped"`
		Out     string       `xml:"system-out,omitempty"`
	}
	junitReason struct {
		Type    string `xml:"type,attr,omitempty"`
		Message string `xml:"message,attr"`
		Text    string `xml:",chardata"`
	}
)

// JUnit writes the newest verdicts as JUnit's XML: a suite a kernel and file system. What is bad is a failure, what showed nothing an error,
// unsupported is skipped; ok and known pass.
func (r *Report) JUnit(w io.Writer) error {
	all := junitSuites{}
	suites := map[string]*junitSuite{}
	for _, c := range r.Cells {
		name := fmt.Sprintf("%s %s %s", c.Target, c.Line, c.FS)
		s := suites[name]
		if s == nil {
			s = &junitSuite{Name: name, Timestamp: r.Runs[c.Last().Run].Started.UTC().Format(time.RFC3339)}
			suites[name] = s
			all.Suites = append(all.Suites, s)
		}
		s.add(c)
	}
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	enc := xml.NewEncoder(w)
	enc.Indent("", " ")
	if err := enc.Encode(all); err != nil {
		return fmt.Errorf("write JUnit's XML: %w", err)
	}
	_, err := io.WriteString(w, "\n")
	return err
}

func (s *junitSuite) add(c *Cell) {
	v := c.Last()
	out := junitCase{Class: strings.ReplaceAll(v.Case, "/", "."), Name: c.Case + " on " + c.FS, Time: v.Seconds, Out: strings.Join(v.Witness, "\n")}
	reason := &junitReason{Type: string(v.Verdict.Verdict), Message: v.Text, Text: fmt.Sprintf("%s\nreplay: %s\nevidence: %s\n", Where(v.Verdict), v.ReplayCommand(), v.Evidence)}
	switch v.Verdict.Verdict {
	case judge.OK, judge.Known:
	case judge.Unsupported:
		out.Skipped = &junitReason{Message: v.Text}
		s.Skipped++
	case judge.Infra, judge.Unexercised:
		out.Error = reason
		s.Errors++
	default:
		out.Failure = reason
		s.Failures++
	}
	s.Tests++
	s.Time += v.Seconds
	s.Cases = append(s.Cases, out)
}
