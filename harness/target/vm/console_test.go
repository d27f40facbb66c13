package vm

import (
	"strings"
	"testing"
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
