package vm

import (
	"strings"
	"testing"

	"github.com/iomapcheck/iomapcheck/harness/history"
	"github.com/iomapcheck/iomapcheck/harness/oops/symbol"
)

func TestTheConsoleTellsWhenALineHasComeAndWhatCameSince(t *testing.T) {
	c := newConsole()
	c.line("[    1.000000] before")
	text, findings := c.mark()
	heard := c.await("end of job 1")
	for _, line := range []string{
		"[    2.000000] WARNING: CPU: 0 PID: 1 at fs/iomap/direct-io.c:1 iomap_dio_complete+0x1/0x2",
		"[    2.000000] ---[ end trace 0000000000000000 ]---",
	} {
		_, _ = c.Write([]byte(line + "\n"))
		c.line(line)
	}
	select {
	case <-heard:
		t.Fatal("heard before it was said")
	default:
	}
	c.line("[    3.000000] iomapcheck: end of job 1")
	<-heard
	got, found := c.since(text, findings)
	if len(found) != 1 || !strings.Contains(found[0].Title, "iomap_dio_complete") || !strings.Contains(got, "end trace") {
		t.Errorf("since the mark: %q, %+v", got, found)
	}
	<-c.crashed // a WARNING is of crash severity
}

func TestTheConsoleKeepsTheEndOfALongText(t *testing.T) {
	c := newConsole()
	mark, _ := c.mark()
	_, _ = c.Write([]byte(strings.Repeat("x", consoleKept) + "end"))
	if got, _ := c.since(mark, 0); len(got) != consoleKept || !strings.HasSuffix(got, "end") {
		t.Errorf("kept %d bytes", len(got))
	}
	mark, _ = c.mark()
	_, _ = c.Write([]byte("more"))
	if got, _ := c.since(mark, 0); got != "more" {
		t.Errorf("since the mark: %q", got)
	}
}

func TestAFindingStandsWhereItHappenedInTheHistory(t *testing.T) {
	m := &machine{target: &Target{}, log: newConsole()}
	for _, line := range []string{
		"[    5.000100] iomapcheck: clock 3900000000", // logged late
		"[    5.000100] iomapcheck: clock 4000000000", // the log is 1.0001 s ahead of the guest's clock
		"[    5.500100] iomapcheck: clock 4400000000",
		"[    7.000100] BTRFS info (device vda): forced readonly",
		"XFS (vda): log I/O error -5",
	} {
		m.log.line(line)
	}
	before, after := history.Event{Kind: history.Invoke, Time: 5_999_999_999}, history.Event{Kind: history.Return, Time: 6_000_000_001}
	got := m.withFindings([]history.Event{before, after}, m.log.findings, 9_000_000_000)
	if len(got) != 4 || got[1].Name != "fs-shutdown" || got[1].Time != 6_000_000_000 || got[2].Kind != history.Return {
		t.Errorf("%+v", got)
	}
	if last := got[3]; last.Kind != history.Console || last.Time != 9_000_000_000 {
		t.Errorf("a finding without a time does not stand at the end: %+v", last)
	}
}

func TestALineThatOnlyLooksLikeAClockSetsNone(t *testing.T) {
	for _, line := range []string{"iomapcheck: clock 1", "[    1.000000] iomapcheck: clock", "[    1.000000] iomapcheck: clock x", "[    1.000000] clock 1"} {
		if _, ok := clockOf(line); ok {
			t.Errorf("%q tells a clock", line)
		}
	}
}

func TestStacksInTheEvidenceHaveTheirPlacesInTheSource(t *testing.T) {
	tree := symbol.Kernel{Release: "6.99.0", Image: "../../oops/symbol/testdata/tree/arch/x86/boot/bzImage"}
	m := &machine{target: &Target{symbols: symbol.Open(symbol.Find(tree, t.TempDir()))}, log: newConsole()}
	for _, line := range []string{
		"WARNING: CPU: 0 PID: 1 at fs/sample/sample.c:14 sample_begin+0x2/0x6", "Call Trace:", " sample_iter+0xc/0x21", "---[ end trace 0000000000000000 ]---",
		"I/O error, dev vda, sector 8 op 0x1:(WRITE)",
	} {
		m.log.line(line)
	}
	const place = "sample_iter+0xc/0x21 (fs/sample/sample.c:21 fs/sample/sample.c:26)"
	if text := m.findingsText(m.log.findings); !strings.Contains(text, place) || strings.Contains(text, "I/O error") {
		t.Errorf("got\n%s", text)
	}
	if e := m.withFindings(nil, m.log.findings, 0)[0]; !strings.Contains(strings.Join(e.Where, "\n"), place) {
		t.Errorf("got %q", e.Where)
	}
}
