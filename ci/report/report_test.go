package report

import (
	"cmp"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/iomapcheck/iomapcheck/cases"
	"github.com/iomapcheck/iomapcheck/harness/campaign"
	"github.com/iomapcheck/iomapcheck/harness/judge"
	"github.com/iomapcheck/iomapcheck/harness/prog"
	"github.com/iomapcheck/iomapcheck/harness/runs"
)

const redirty = "fallback/redirty-during-writeback"

// on is a verdict on a kernel, of a Debian series, with xfs.
func on(series, release, name string, v judge.Verdict) campaign.Verdict {
	id, variant, _ := strings.Cut(name, "~")
	out := campaign.Verdict{
		Case: id, Parameters: map[string]string{}, Target: "vm", Kernel: release, KernelSpec: "debian:" + series, FS: "xfs",
		Verdict: v, Seconds: 1, Executions: 1, Replay: "runs/r/vm~" + release,
	}
	if variant != "" {
		out.Parameters["variant"] = variant
	}
	if v.Bad() {
		out.Text = "coherence: op 10: read f 0 64k = n: bytes [0x0, 0x1000) are o, want n"
	}
	return out
}

// built is a report of runs, a day after the other.
func built(days ...[]campaign.Verdict) *Report {
	var all []runs.Run
	for i, verdicts := range days {
		start := time.Date(2026, 11, 1+i, 1, 30, 0, 0, time.UTC)
		all = append(all, runs.Run{Title: start.Format("night-02"), Info: runs.Info{Started: start, Command: []string{"iomapcheck", "run"}}, Verdicts: verdicts})
	}
	return Build(all, cases.Catalogue())
}

func day(verdicts ...campaign.Verdict) []campaign.Verdict { return verdicts }

func TestAKernelIsFollowedOverItsPointReleases(t *testing.T) {
	r := built(day(on("6.12", "6.12.111", redirty, judge.OK)), day(on("6.12", "6.12.117", redirty, judge.Fail)))
	if len(r.Cells) != 1 || len(r.Cells[0].Seen) != 2 {
		t.Fatalf("cells %v", r.Cells)
	}
	first, before, ok := r.Cells[0].Since()
	if !ok || first.Run != 1 || before == nil || before.Kernel != "6.12.111" {
		t.Errorf("since %v, before %v, %v", first, before, ok)
	}
}

func TestAStreakIsNeitherBegunNorEndedByWhatShowedNothing(t *testing.T) {
	v := func(v judge.Verdict) []campaign.Verdict { return day(on("6.12", "6.12.117", redirty, v)) }
	for name, c := range map[string]struct {
		days   [][]campaign.Verdict
		first  int
		before int // -1 for none
		ok     bool
	}{
		"a gap":          {[][]campaign.Verdict{v(judge.OK), v(judge.Fail), v(judge.Infra), v(judge.Hang)}, 1, 0, true},
		"before the gap": {[][]campaign.Verdict{v(judge.OK), v(judge.Unexercised), v(judge.Fail)}, 2, 0, true},
		"always":         {[][]campaign.Verdict{v(judge.Fail), v(judge.Fail)}, 0, -1, true},
		"nothing now":    {[][]campaign.Verdict{v(judge.Fail), v(judge.Infra)}, 0, -1, false},
		"good again":     {[][]campaign.Verdict{v(judge.Fail), v(judge.Known)}, 1, 0, true},
	} {
		first, before, ok := built(c.days...).Cells[0].Since()
		at := -1
		if before != nil {
			at = before.Run
		}
		if ok != c.ok || ok && (first.Run != c.first || at != c.before) {
			t.Errorf("%s: since run %d, before it run %d, %v", name, first.Run, at, ok)
		}
	}
}

func TestOnlyTheNewestRunMakesChanges(t *testing.T) {
	r := built(
		day(on("6.1", "6.1.0", redirty, judge.OK), on("6.12", "6.12.117", redirty, judge.OK), on("7.2", "7.2.13", redirty, judge.OK)),
		day(on("6.1", "6.1.0", redirty, judge.Fail)),
		day(on("6.12", "6.12.117", redirty, judge.OK), on("7.2", "7.2.13", redirty, judge.Unexercised)),
	)
	if len(r.Changes) != 1 || r.Changes[0].Cell.Line != "debian:7.2" {
		t.Errorf("changes %v", r.Changes)
	}
	if len(r.Findings) != 1 || r.Findings[0].Shown.Line != "debian:6.1" {
		t.Errorf("findings %v: what the newest run did not try is as bad as before", r.Findings)
	}
}

func TestTheWorstOfSeveralVerdictsOfARunCounts(t *testing.T) {
	r := built(day(on("6.12", "6.12.117", redirty, judge.OK), on("6.12", "6.12.117", redirty, judge.Crash), on("6.12", "6.12.117", redirty, judge.OK)))
	if v := r.Cells[0].Last().Verdict.Verdict; v != judge.Crash {
		t.Errorf("the cell is %s", v)
	}
}

func TestNeighbouringKernelsThatDifferAreNamedOldestFirst(t *testing.T) {
	r := built(day(on("7.2", "7.2.13", redirty, judge.OK), on("6.12", "6.12.117", redirty, judge.Fail), on("6.6", "6.6.1", redirty, judge.Infra), on("6.1", "6.1.192", redirty, judge.OK)))
	var got []string
	for _, e := range r.Findings[0].Edges() {
		got = append(got, e.Older.Last().Kernel+"…"+e.Newer.Last().Kernel)
		if e.Worse != (e.Newer.Line == "debian:6.12") {
			t.Errorf("%s: worse is %v", got, e.Worse)
		}
	}
	if !slices.Equal(got, []string{"6.1.192…6.12.117", "6.12.117…7.2.13"}) {
		t.Errorf("edges %q", got)
	}
}

func TestABisectionGoesFromGoodToBadAndBackwardsForAMend(t *testing.T) {
	edge := func(worse bool, older, newer string) Edge {
		cell := func(release string, v judge.Verdict) *Cell {
			return &Cell{Seen: []Seen{{Verdict: on("", release, redirty, v)}}}
		}
		return Edge{cell(older, judge.OK), cell(newer, judge.Fail), worse}
	}
	worse := Bisect(edge(true, "6.12.111+deb13-amd64", "6.12.117+deb13-amd64"))
	if worse != "git bisect start v6.12.117 v6.12.111\ngit bisect run iomapcheck bisect-run --case "+redirty+" --fs xfs" {
		t.Error(worse)
	}
	if better := Bisect(edge(false, "6.12", "7.3-rc7")); !strings.HasPrefix(better, "git bisect start --term-old=broken --term-new=fixed v7.3-rc7 v6.12\n") || !strings.HasSuffix(better, " --fixed") {
		t.Error(better)
	}
	if hidden := Bisect(edge(true, "6.1.0-50-amd64", "6.1.0-56-amd64")); hidden != "" {
		t.Errorf("%q, but these releases do not say which tags they are", hidden)
	}
	for pair, want := range map[[2]string]string{
		{"6.12.111", "6.12.117"}: "6.12.112 to 6.12.117", {"6.12.116", "6.12.117"}: "6.12.117 alone", {"6.12.117+deb12", "6.12.117+deb13"}: "the same point release, built anew",
		{"6.1.192", "6.12.117"}: "6.2 to 6.12: 11 series", {"6.17.1", "7.2.13"}: "6.17 to 7.2", {"local", "7.2"}: "",
	} {
		if got := Between(pair[0], pair[1]); got != want {
			t.Errorf("between %s: %q, want %q", pair, got, want)
		}
	}
}

func TestThePaceOfARunComparesOnlyWhatItTried(t *testing.T) {
	v := func(name string, seconds float64) campaign.Verdict {
		v := on("6.12", "6.12.117", name, judge.OK)
		v.Seconds = seconds
		return v
	}
	r := built(
		day(v("a/short", 1), v("a/long", 100)), day(v("a/short", 1), v("a/long", 100)), day(v("a/short", 4)), day(v("a/once", 3)),
	)
	pace := r.Pace()
	if pace[0] != 1 || pace[1] != 1 || pace[2] != 4 || !math.IsNaN(pace[3]) {
		t.Errorf("paces %v", pace)
	}
	if s := built(day(v("a/b", 1)), day(v("a/b", 1)), day(v("a/b", 4))).Slower(); len(s) != 1 || s[0].Usual != 1 {
		t.Errorf("slower %v", s)
	}
}

// showing are verdicts of a listed divergence: one that shows it, and one that does not, each a cell of its own.
func showing(k Known, cell int) []campaign.Verdict {
	name := k.Case
	if len(k.Variants) > 0 {
		name += "~" + k.Variants[0]
	}
	var out []campaign.Verdict
	for _, v := range []judge.Verdict{judge.Known, judge.Drift} {
		verdict := on(fmt.Sprintf("%d%s", cell, v), cmp.Or(k.Since, "5.10"), name, v)
		verdict.Target, verdict.Row = cmp.Or(k.Target, verdict.Target), k.Why+" ("+k.Kernel+")"
		if len(k.FS) > 0 {
			verdict.FS, verdict.Variant, _ = strings.Cut(k.FS[0], "/")
		}
		out = append(out, verdict)
	}
	return out
}

func TestAKnownDivergenceSaysWhereItShowed(t *testing.T) {
	var verdicts []campaign.Verdict
	list := KnownDivergences(cases.Catalogue())
	for i, k := range list {
		verdicts = append(verdicts, showing(k, i)...)
	}
	for _, k := range built(verdicts).Known() {
		if len(k.Seen) != 1 || len(k.Gone) != 1 {
			t.Errorf("%s on %s, kernels %s, was seen on %q and is gone on %q, want one each", k.Case, k.FS, k.Kernels(), k.Seen, k.Gone)
		}
	}
	if n := len(list); n < 20 {
		t.Errorf("%d divergences are listed", n)
	}
}

func TestRowsWithOneReasonAreToldApartByWhatTheySpeakOf(t *testing.T) {
	same := prog.Row{Known: true, Why: "the page is written twice", Kernel: "fn"}
	var rows []prog.Row
	for _, change := range []func(*prog.Row){
		func(r *prog.Row) { r.FS = []string{"gfs2"} },
		func(r *prog.Row) { r.FS = []string{"btrfs/nodatasum"} },
		func(r *prog.Row) { r.FS, r.Target = []string{"ext4"}, "refengine" },
		func(r *prog.Row) { r.FS, r.Target = []string{"ext4"}, "vm" },
		func(r *prog.Row) { r.FS, r.Before = []string{"xfs"}, "6.1" },
		func(r *prog.Row) { r.FS, r.Since = []string{"xfs"}, "6.12" },
	} {
		row := same
		change(&row)
		rows = append(rows, row)
	}
	catalogue := []prog.Case{{ID: "theme/case", Rows: rows}}
	var verdicts []campaign.Verdict
	for i, k := range KnownDivergences(catalogue) {
		verdicts = append(verdicts, showing(k, i)...)
	}
	for _, k := range Build([]runs.Run{{Verdicts: verdicts}}, catalogue).Known() {
		if len(k.Seen) != 1 || len(k.Gone) != 1 {
			t.Errorf("the row of %s on %q, kernels %s, was seen on %q and is gone on %q, want one each", k.FS, k.Target, k.Kernels(), k.Seen, k.Gone)
		}
	}
}

func TestADivergencesKernelsAreItsBoundsWithBackports(t *testing.T) {
	for want, k := range map[string]Known{
		"all":                               {},
		"before 6.1":                        {Before: "6.1"},
		"since 6.15":                        {Since: "6.15"},
		"6.12 until before 7.3":             {Since: "6.12", Before: "7.3"},
		"since 6.15 (and 6.6.90, 6.12.30)":  {Since: "6.15", Backports: []string{"6.6.90", "6.12.30"}},
		"6.15 (and 6.12.30) until before 7": {Since: "6.15", Before: "7", Backports: []string{"6.12.30"}},
	} {
		if got := k.Kernels(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

// failing is a report with a finding, a change, and one of each verdict.
func failing() *Report {
	newest := day(on("6.12", "6.12.117+deb13-amd64", redirty, judge.Fail))
	for i, v := range judge.Verdicts() {
		newest = append(newest, on("7.2", "7.2.13", "theme/case-"+string(rune('a'+i)), v))
	}
	return built(day(on("6.12", "6.12.111+deb13-amd64", redirty, judge.OK)), newest)
}

func written(t *testing.T, write func(io.Writer) error) string {
	t.Helper()
	var b strings.Builder
	if err := write(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestTheTextSaysWhatToPasteIntoAMail(t *testing.T) {
	text := written(t, failing().Text)
	for _, want := range []string{
		"\nfail: " + redirty + " on xfs\n  must hold   a direct write whose pages are dirtied again",
		"\n  seen        coherence: op 10: read f 0 64k = n: bytes [0x0, 0x1000) are o, want n\n",
		"\n  where       kernel 6.12.117+deb13-amd64 (debian:6.12); mkfs.xfs ",
		"\n  replay      iomapcheck replay runs/r/vm~6.12.117+deb13-amd64\n",
		"\n  reproducer  iomapcheck run - --target vm --kernel debian:6.12 --fs xfs < program.txt\n",
		"\n  first bad   2026-11-02 01:30 UTC on 6.12.117+deb13-amd64; good at 2026-11-01 01:30 UTC on 6.12.111+deb13-amd64\n",
		"\nchanged in the newest run:\n  fail        was ok          " + redirty + " on xfs, debian:6.12\n",
		"\ninfra theme/case-e on xfs, kernel 7.2.13 (debian:7.2): ",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
}

func TestJUnitTellsFailuresErrorsAndSkipsApart(t *testing.T) {
	r := failing()
	r.Cells[0].Seen[0].Text = "control \x01 characters & <tags>"
	var out junitSuites
	text := written(t, r.JUnit)
	if err := xml.Unmarshal([]byte(text), &out); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	sum := junitSuite{}
	for _, s := range out.Suites {
		sum.Tests += s.Tests
		sum.Failures += s.Failures
		sum.Errors += s.Errors
		sum.Skipped += s.Skipped
		if s.Tests != len(s.Cases) {
			t.Errorf("%s: %d tests, %d cases", s.Name, s.Tests, len(s.Cases))
		}
	}
	// Bad: fail, hang, crash, drift, and the finding. Nothing shown: infra and unexercised.
	if sum.Tests != 10 || sum.Failures != 5 || sum.Errors != 2 || sum.Skipped != 1 {
		t.Errorf("got %+v", sum)
	}
}

func TestJSONHasEveryCellWithItsPast(t *testing.T) {
	var out struct {
		Runs     []map[string]any
		Cells    []jsonCell
		Findings []jsonFinding
	}
	if err := json.Unmarshal([]byte(written(t, failing().JSON)), &out); err != nil {
		t.Fatal(err)
	}
	if len(out.Runs) != 2 || len(out.Cells) != 10 || len(out.Findings) != 5 {
		t.Fatalf("%d runs, %d cells, %d findings", len(out.Runs), len(out.Cells), len(out.Findings))
	}
	i := slices.IndexFunc(out.Cells, func(c jsonCell) bool { return c.Case == redirty })
	if c := out.Cells[i]; len(c.Past) != 2 || c.Past[0].Verdict != judge.OK || c.Line != "debian:6.12" {
		t.Errorf("cell %+v", c)
	}
	j := slices.IndexFunc(out.Findings, func(f jsonFinding) bool { return f.Case == redirty })
	if f := out.Findings[j]; f.FirstBad == nil || f.FirstBad.Run != 1 || f.LastGood == nil || f.LastGood.Run != 0 {
		t.Errorf("finding %+v", f)
	}
}

func TestMarkdownTablesHaveTheSameCellsInEveryRow(t *testing.T) {
	r := failing()
	r.Findings[0].Shown.Seen[0].Text = "a | b\nc `d`"
	columns := 0
	for line := range strings.Lines(written(t, r.Markdown)) {
		if !strings.HasPrefix(line, "|") {
			columns = 0
			continue
		}
		n := strings.Count(strings.ReplaceAll(line, `\|`, ""), "|")
		if columns != 0 && n != columns {
			t.Errorf("%d columns, want %d: %s", n, columns, line)
		}
		columns = n
	}
}

func TestAMailBreaksProseAndHasTheProgram(t *testing.T) {
	all, err := runs.Read("../testdata/runs")
	if err != nil {
		t.Fatal(err)
	}
	mail := written(t, Build(all, cases.Catalogue()).Mail)
	if !strings.HasPrefix(mail, "Subject: [iomapcheck] fail: fallback/outcomes~first on btrfs, 7.2.13+deb14-amd64 (and 2 more)\n\n") {
		t.Errorf("the subject is another:\n%s", mail)
	}
	for _, want := range []string{"\n     direct-write f 0 64k n returns 32k may-fail EIO @write\n", "\n     # 2 of 11 operations are enough for rule coherence on xfs\n", "git log --oneline v6.12.117..v7.2.13 -- ",
		"\n   Without iomapcheck: as C, from iomapcheck reproducer '../testdata/runs/20261122-031957.803/debian-7.2/vm~7.2.13",
	} {
		if !strings.Contains(mail, want) {
			t.Errorf("no %q in\n%s", want, mail)
		}
	}
	for line := range strings.Lines(wrapped(strings.Repeat("some prose of several words, ", 20), "   ")) {
		if len(line) > mailWidth+1 {
			t.Errorf("a line of %d: %s", len(line), line)
		}
	}
}

// refusing takes so many bytes and then nothing more.
type refusing struct{ room int }

func (w *refusing) Write(p []byte) (int, error) {
	if w.room -= len(p); w.room < 0 {
		return 0, errors.New("no space left")
	}
	return len(p), nil
}

func TestAReportThatCannotBeWrittenIsAnError(t *testing.T) {
	r := failing()
	for name, write := range map[string]func(io.Writer) error{"text": r.Text, "markdown": r.Markdown, "mail": r.Mail, "junit": r.JUnit, "json": r.JSON} {
		if err := write(&refusing{100}); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestEvidenceIsReadAndWhatIsNoProgramSaysSo(t *testing.T) {
	all, err := runs.Read("../testdata/runs")
	if err != nil {
		t.Fatal(err)
	}
	r := Build(all, cases.Catalogue())
	v := r.Findings[0].Shown.Last()
	e, err := ReadEvidence(v.Evidence)
	if err != nil || e.History == nil || len(e.Program.Steps()) != 7 || v.Op() != 5 {
		t.Errorf("%v: history %v, program %v, op %d", err, e.History != nil, e.Program, v.Op())
	}
	if len(e.Findings) == 0 || e.Findings[0].Kind != "io-error" {
		t.Errorf("the console's findings are %v", e.Findings)
	}
	if _, err := ReadEvidence(t.TempDir()); err != nil {
		t.Errorf("an empty directory: %v", err)
	}
}
