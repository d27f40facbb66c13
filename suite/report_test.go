package suite

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	"github.com/onsi/ginkgo/v2/types"
	. "github.com/onsi/gomega"

	"github.com/iomapcheck/iomapcheck/harness/campaign"
	"github.com/iomapcheck/iomapcheck/harness/judge"
	"github.com/iomapcheck/iomapcheck/harness/runs"
)

// verdictEntry names the report entry that carries a verdict as JSON.
const verdictEntry = "iomapcheck verdict"

// attach adds a verdict's evidence to the spec's report.
func attach(v campaign.Verdict) {
	GinkgoHelper()
	text, err := json.Marshal(v)
	Expect(err).NotTo(HaveOccurred())
	AddReportEntry(verdictEntry, string(text), ReportEntryVisibilityNever)
	if len(v.Witness) > 0 {
		AddReportEntry("witness", strings.Join(v.Witness, "\n"), ReportEntryVisibilityFailureOrVerbose)
	}
	for _, name := range []string{"program.txt", "history.txt", "console.txt", "diagnosis.txt"} {
		text, err := os.ReadFile(filepath.Join(v.Evidence, name))
		if err == nil && v.Evidence != "" {
			AddReportEntry(name, excerpt(string(text)), ReportEntryVisibilityFailureOrVerbose)
		}
	}
}

// excerptLines bounds what of a file goes into a report; the whole is in the evidence directory.
const excerptLines = 120

// excerpt is a text's last lines.
func excerpt(text string) string {
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	if cut := len(lines) - excerptLines; cut > 0 {
		lines = append([]string{fmt.Sprintf("… %d lines before", cut)}, lines[cut:]...)
	}
	return strings.Join(lines, "\n")
}

// conclude ends the spec as the verdict says.
func conclude(v campaign.Verdict) {
	GinkgoHelper()
	switch v.Verdict {
	case judge.OK, judge.Known:
	case judge.Unsupported:
		Skip("unsupported: " + v.Text)
	default:
		Fail(fmt.Sprintf("%s: %s\n  %s on %s, kernel %s\n  evidence: %s\n  replay:   %s",
			v.Verdict, v.Text, v.Name(), v.FSName(), v.Kernel, v.Evidence, v.ReplayCommand()))
	}
}

var _ = ReportAfterSuite("verdicts", func(r Report) {
	verdicts := collect(r)
	if len(verdicts) == 0 {
		return
	}
	var lines strings.Builder
	for _, v := range verdicts {
		text, err := json.Marshal(v)
		Expect(err).NotTo(HaveOccurred())
		lines.Write(append(text, '\n'))
	}
	Expect(os.MkdirAll(fromRoot(opts.runs), 0o755)).To(Succeed())
	path, err := filepath.Abs(filepath.Join(fromRoot(opts.runs), "verdicts.jsonl"))
	Expect(err).NotTo(HaveOccurred())
	Expect(os.WriteFile(path, []byte(lines.String()), 0o644)).To(Succeed())
	run := runs.Started(runners.Runs)
	run.Started = r.StartTime
	Expect(runs.Keep(run, verdicts)).To(Succeed())
	fmt.Print("\n", campaign.Table(verdicts), campaign.ShareOf(verdicts), "\n\nverdicts: ", path, "\n")
	shown := slices.ContainsFunc(verdicts, func(v campaign.Verdict) bool { return v.Verdict != judge.Unsupported })
	Expect(shown).To(BeTrue(), "every verdict is unsupported: nothing was shown")
})

// collect takes the verdicts of all processes out of the report, in a stable order.
func collect(r Report) []campaign.Verdict {
	var out []campaign.Verdict
	for _, spec := range r.SpecReports {
		for _, e := range spec.ReportEntries {
			var v campaign.Verdict
			if e.Name == verdictEntry && json.Unmarshal([]byte(entryText(e)), &v) == nil {
				out = append(out, v)
			}
		}
	}
	slices.SortFunc(out, func(a, b campaign.Verdict) int { return strings.Compare(a.Line(), b.Line()) })
	return out
}

// entryText is the entry's value, which is a string here and a JSON string where it came from another process.
func entryText(e types.ReportEntry) string {
	if s, ok := e.GetRawValue().(string); ok {
		return s
	}
	return e.StringRepresentation()
}
