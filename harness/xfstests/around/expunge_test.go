package around

import (
	"strings"
	"testing"
)

// A list in the form in which people keep theirs: a reason behind a test, or above several.
const list = `
# These need hardware.
# See the disk's data sheet.
generic/765
generic/767

generic/208 # takes 201s
generic/451	# F:1/1604 korg#216114 invalidate_inode_pages2_range()
xfs/131
overlay/*   # another file system
# The end.
`

func TestReasonsOfAnExpungeListAreKept(t *testing.T) {
	entries, err := ReadExpunged(list)
	if err != nil {
		t.Fatal(err)
	}
	for test, want := range map[string]string{
		"generic/765": "expunged: These need hardware. See the disk's data sheet.",
		"generic/767": "expunged: These need hardware. See the disk's data sheet.",
		"generic/208": "expunged: takes 201s",
		"generic/451": "expunged: F:1/1604 korg#216114 invalidate_inode_pages2_range()",
		"xfs/131":     "expunged, without a reason",
		"overlay/012": "expunged: another file system",
		"generic/20":  "", "generic/2080": "", "generic/091": "", "overlayfs/001": "",
	} {
		why, is := Why(entries, test)
		if why != want || is != (want != "") {
			t.Errorf("%s: %q, want %q", test, why, want)
		}
	}
}

func TestALineThatIsNoTestIsAnError(t *testing.T) {
	for _, text := range []string{"generic/091\n208\n", "generic\n", "generic/091 generic/208\n", "../../etc/001\n"} {
		if got, err := ReadExpunged(text); err == nil || !strings.Contains(err.Error(), "line") {
			t.Errorf("%q: %v, %v: what it leaves out would be run", text, got, err)
		}
	}
}

func FuzzReadExpunged(f *testing.F) {
	f.Add(list)
	f.Fuzz(func(t *testing.T, text string) {
		entries, err := ReadExpunged(text)
		if err != nil {
			return
		}
		for _, e := range entries {
			if why, is := Why(entries, strings.Replace(e.Pattern, "*", "001", 1)); !is || why == "" {
				t.Errorf("%q is in the list, and is run", e.Pattern)
			}
		}
	})
}
