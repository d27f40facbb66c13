package oops

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// corpus are the texts of testdata by name: consoles of kernels that were provoked in guests, and those marked as from elsewhere.
func corpus(t *testing.T) map[string]string {
	t.Helper()
	paths, err := filepath.Glob("testdata/*.txt")
	if err != nil {
		t.Fatal(err)
	}
	texts := map[string]string{}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		texts[strings.TrimSuffix(filepath.Base(path), ".txt")] = string(text)
	}
	return texts
}

func TestQuietBootsHaveNoFinding(t *testing.T) {
	seen := 0
	for name, text := range corpus(t) {
		if strings.HasSuffix(name, "quiet-boot") {
			seen++
			if found := Parse(text); len(found) > 0 {
				t.Errorf("%s: %s", name, titles(found))
			}
		}
	}
	if seen < 3 {
		t.Errorf("%d boots were looked at, want those of three kernels", seen)
	}
}

// A pattern that no text has can be wrong unnoticed.
func TestEveryRuleHasALineThatItAloneIsFor(t *testing.T) {
	used := map[string]bool{}
	note := func(line string) {
		body, _ := clean(line)
		if r, _ := match(body); r != nil {
			used[r.head.String()] = true
		}
	}
	for _, c := range heads() {
		note(c.line)
	}
	for _, text := range corpus(t) {
		for line := range strings.Lines(text) {
			note(line)
		}
	}
	for _, r := range rules {
		if !used[r.head.String()] {
			t.Errorf("nothing in the tests begins as %s reports do: %s", r.kind, r.head)
		}
	}
}

// What is left of a text whose end is lost is found all the same, and nothing else is.
func TestATextThatIsCutAnywhereHasTheFindingsOfItsBeginning(t *testing.T) {
	for name, text := range corpus(t) {
		whole := Parse(text)
		lines := strings.SplitAfter(text, "\n")
		for n := 0; n < len(lines); n += 7 {
			cut := Parse(strings.Join(lines[:n], ""))
			if len(cut) > len(whole) {
				t.Errorf("%s cut to %d lines has %d findings, the whole %d", name, n, len(cut), len(whole))
			}
			for i, f := range cut {
				if f.Kind != whole[i].Kind && f.Line == whole[i].Line {
					t.Errorf("%s cut to %d lines: %s, in the whole %s", name, n, f, whole[i])
				}
			}
		}
	}
}

// Reports of two processors that are printed at the same time are those that are printed one after the other.
func TestInterleavedReportsOfRealKernelsAreThoseOfEachAlone(t *testing.T) {
	texts := corpus(t)
	names := []string{"syzkaller-ubsan-array-index", "syzkaller-lockdep-unlock-balance", "syzkaller-scheduling-while-atomic", "syzkaller-kmsan-uninit-value"}
	for i, name := range names {
		a, b := strings.Split(texts[name], "\n"), strings.Split(texts[names[(i+1)%len(names)]], "\n")
		want := map[string]bool{}
		for _, f := range append(Parse(strings.Join(a, "\n")), Parse(strings.Join(b, "\n"))...) {
			want[f.String()] = true
		}
		var mixed strings.Builder
		for n := range max(len(a), len(b)) {
			for _, lines := range [][]string{a, b} {
				if n < len(lines) {
					mixed.WriteString(lines[n] + "\n")
				}
			}
		}
		got := Parse(mixed.String())
		for _, f := range got {
			if !want[f.String()] {
				t.Errorf("%s mixed with the next: %s, want only %v", name, f, want)
			}
		}
		if len(got) != len(want) {
			t.Errorf("%s mixed with the next: %d findings, want %d", name, len(got), len(want))
		}
	}
}
