package apt

import (
	"slices"
	"strings"
	"testing"
)

func TestOptionsOfAnEntryAreThoseAboutTrust(t *testing.T) {
	lines := "# comment\ndeb [arch=amd64 signed-by=/a.gpg,/b.gpg] http://x y main\ndeb http://x z main\n"
	for number, want := range map[int]string{1: "", 2: "signed-by: /a.gpg /b.gpg", 3: "", 9: "", 0: ""} {
		if got := strings.Join(lineOptions(lines, number), "|"); got != want {
			t.Errorf("line %d: %q, want %q", number, got, want)
		}
	}
	stanzas := "# comment\n\nTypes: deb\n# inside\nSigned-By:\n -----BEGIN\n .\n -----END\nSuites: a\n\n\nTypes: deb\nSIGNED-BY: /b.gpg\nTrusted: yes\n"
	for number, want := range map[int]string{1: "Signed-By:\n -----BEGIN\n .\n -----END", 2: "SIGNED-BY: /b.gpg|Trusted: yes", 3: ""} {
		if got := strings.Join(stanzaOptions(stanzas, number), "|"); got != want {
			t.Errorf("stanza %d: %q, want %q", number, got, want)
		}
	}
}

func TestOnlyDebiansSuitesAreDebian(t *testing.T) {
	for suite, want := range map[string]bool{
		"bookworm": true, "trixie-security": true, "stable-updates": true, "unstable": true, "noble": false, "nodistro": false, "./": false, "": false,
	} {
		if got := isDebian(suite); got != want {
			t.Errorf("%q: %v", suite, got)
		}
	}
}

func FuzzSources(f *testing.F) {
	f.Add("Types: deb\nSigned-By: /x\n\n", 1)
	f.Add("deb [trusted=yes] x y", 1)
	f.Add(" indented\n", 1)
	f.Fuzz(func(t *testing.T, text string, number int) {
		for _, option := range slices.Concat(stanzaOptions(text, number), lineOptions(text, number)) {
			if !strings.Contains(option, ":") {
				t.Errorf("%q is no field", option)
			}
		}
		parseDepends(text)
	})
}
