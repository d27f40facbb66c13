package around

import (
	"os"
	"strings"
	"testing"

	"github.com/iomapcheck/iomapcheck/harness/judge"
	"github.com/iomapcheck/iomapcheck/harness/xfstests/around/inguest"
)

// said is what the real check printed, and its report, for a test that passed, one that failed because its golden output had been changed, and one
// that was not run.
func said(t *testing.T, name string) (output, report string) {
	t.Helper()
	var texts [2]string
	for i, suffix := range []string{".txt", ".xml"} {
		text, err := os.ReadFile("testdata/said/" + name + suffix)
		if err != nil {
			t.Fatal(err)
		}
		texts[i] = string(text)
	}
	return texts[0], texts[1]
}

func TestWhatTheRealCheckSaysBecomesAVerdict(t *testing.T) {
	for _, c := range []struct {
		said, test string
		code       int
		want       judge.Verdict
		text       string
	}{
		{"pass", "generic/647", 0, judge.OK, ""},
		{"fail", "generic/708", 1, judge.Fail, "- output mismatch (see /srv/results/generic/708.out.bad) -Silence is silver +Silence is golden"},
		{"notrun", "generic/413", 0, judge.Unsupported, "mount /dev/vdb with dax failed"},
		// Never a pass: the test that is asked for is not among those that check tells of.
		{"pass", "generic/001", 0, judge.Infra, "check gave no result (exit code 0)"},
		{"pass", "generic/647", 1, judge.Fail, "check says that it passed, and ended with exit code 1"},
	} {
		output, report := said(t, c.said)
		for _, xml := range []string{report, "", "<testsuite><testcase name=\"" + c.test + "\"><failure message=\"a < b & c\""} {
			o := Outcome{Done: inguest.Done{Code: c.code, Files: map[string][]byte{"result.xml": []byte(xml)}}, Output: output}
			j := judgeOutcome(inguest.Test{Name: c.test}, o)
			if c.test == "generic/647" && j.seconds != 37 {
				t.Errorf("%s: %d seconds, want 37", c.test, j.seconds)
			}
			if j.verdict != c.want || !strings.HasPrefix(j.text, c.text) {
				t.Errorf("%s of %s, report of %d bytes: %s: %s; want %s: %s", c.said, c.test, len(xml), j.verdict, j.text, c.want, c.text)
			}
		}
	}
}

func TestWhatTheKernelSaysCountsBeforeWhatCheckSays(t *testing.T) {
	output, report := said(t, "pass")
	o := Outcome{Done: inguest.Done{Files: map[string][]byte{"result.xml": []byte(report)}}, Output: output}
	o.Findings = append(o.Findings, finding("warning", 3))
	if j := judgeOutcome(inguest.Test{Name: "generic/647"}, o); j.verdict != judge.Crash {
		t.Errorf("%s: %s", j.verdict, j.text)
	}
}

func TestLinesThatCheckPrintsAreUnderstood(t *testing.T) {
	for line, want := range map[string]checked{
		"generic/091  74s":                                           {state: passed, seconds: 74},
		"generic/091 5s ... 6s":                                      {state: passed, seconds: 6},
		"generic/091 5s ... [not run] fio not found":                 {state: notRun, message: "fio not found"},
		"generic/091 [failed, exit status 1]- output mism":           {state: failed, message: "[failed, exit status 1]- output mism"},
		"generic/091 _check_dmesg: something found in dmesg (see x)": {state: failed, message: "_check_dmesg: something found in dmesg (see x)"},
		"generic/091 [expunged]":                                     {},
		"generic/0911  74s":                                          {},
		"generic/092 - unknown test, ignored":                        {},
		"Ran: generic/091":                                           {},
	} {
		if got := readOutput("generic/091", "FSTYP -- xfs\n\n"+line+"\n"); got != want {
			t.Errorf("%q: %+v, want %+v", line, got, want)
		}
	}
}

func FuzzReadCheck(f *testing.F) {
	f.Add("generic/091", "<testsuite><testcase name=\"generic/091\"/></testsuite>", "generic/091  1s\n")
	f.Fuzz(func(_ *testing.T, test, report, output string) { readCheck(test, report, output) })
}
