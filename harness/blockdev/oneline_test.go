package blockdev

import (
	"strings"
	"testing"
)

func TestMuchOutputKeepsItsBeginningAndItsEnd(t *testing.T) {
	got := OneLine("Log size must be at least 64MB.\nUsage: mkfs.xfs\n" + strings.Repeat("/* an option */ [-x]\n", 99) + "it failed\n")
	if !strings.HasPrefix(got, "Log size must be at least 64MB. Usage: mkfs.xfs /*") || !strings.HasSuffix(got, "[-x] it failed") || len(got) > 520 {
		t.Errorf("%d bytes: %s", len(got), got)
	}
	if got := OneLine(" a\nshort  one\n"); got != "a short one" {
		t.Errorf("got %q", got)
	}
}
