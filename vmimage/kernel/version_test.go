package kernel

import "testing"

func TestVersionsCompareInKernelOrder(t *testing.T) {
	ascending := []string{
		"5.10.0-9-amd64", "5.10.0-10-amd64", "6.1.0-49-amd64", "6.1.192", "6.12-rc1", "6.12-rc7", "6.12-rc10", "6.12",
		"6.12.100+deb12-amd64", "6.12.117+deb12-amd64", "7.3-rc7", "7.3-rc7-00012-gabcdef", "7.3",
	}
	for i, older := range ascending {
		for j, newer := range ascending {
			a, b := mustParse(t, older), mustParse(t, newer)
			want := map[bool]int{true: -1, false: 1}[i < j]
			if i == j {
				want = 0
			}
			if got := a.Compare(b); got != want {
				t.Errorf("%s compared with %s = %d, want %d", older, newer, got, want)
			}
		}
	}
}

func TestAReleaseCandidateIsNotAtLeastItsRelease(t *testing.T) {
	for text, want := range map[string]bool{"7.3-rc7": false, "7.3": true, "7.3.1+deb13-amd64": true, "7.2.9": false} {
		if got := mustParse(t, text).AtLeast(7, 3); got != want {
			t.Errorf("%s at least 7.3 = %v", text, got)
		}
	}
}

func TestTextThatIsNoVersionIsRefused(t *testing.T) {
	for _, text := range []string{"", "6", "six", "6.x", "6.12.117deb", "99999999999999999999.1"} {
		if version, err := ParseVersion(text); err == nil {
			t.Errorf("ParseVersion(%q) = %v, want an error", text, version)
		}
	}
}

func mustParse(t *testing.T, text string) Version {
	t.Helper()
	version, err := ParseVersion(text)
	if err != nil {
		t.Fatal(err)
	}
	return version
}

func FuzzAVersionSurvivesItsText(f *testing.F) {
	for _, text := range []string{"6.12", "6.12.117+deb12-amd64", "7.3-rc7", "6.1.0-50-amd64", "7.3.0-rc7-1", "6.12.0-rc0"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		version, err := ParseVersion(text)
		if err != nil {
			return
		}
		again, err := ParseVersion(version.String())
		if err != nil || again.Compare(version) != 0 {
			t.Errorf("%q → %+v → %q → %+v, %v", text, version, version.String(), again, err)
		}
	})
}
