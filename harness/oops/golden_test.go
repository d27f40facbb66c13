package oops

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var rewrite = flag.Bool("rewrite", false, "write what the parser finds in testdata/*.txt into the golden files")

// describe prints findings for the golden files.
func describe(findings []Finding) string {
	var b strings.Builder
	for _, f := range findings {
		fmt.Fprintf(&b, "%s (%s)\n", f.String(), f.Severity)
		fmt.Fprintf(&b, "  line %d, offset %d, %d lines, cpu %d, cut %v\n", f.Line, f.Offset, len(f.Lines), f.CPU, f.Cut)
		fmt.Fprintf(&b, "  first: %s\n  last: %s\n", f.Lines[0], f.Lines[len(f.Lines)-1])
		if f.File != "" {
			fmt.Fprintf(&b, "  file: %s\n", f.File)
		}
		if len(f.Frames) > 0 {
			fmt.Fprintf(&b, "  frames: %s\n", strings.Join(f.Frames, " "))
		}
	}
	if len(findings) == 0 {
		return "nothing\n"
	}
	return b.String()
}

func TestConsolesGiveTheirGoldenFindings(t *testing.T) {
	if *rewrite && os.Getenv("CI") != "" {
		t.Fatal("-rewrite with CI set: golden files are written by people who look at the difference")
	}
	texts, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(texts) == 0 {
		t.Fatalf("no testdata: %v", err)
	}
	for _, path := range texts {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txt"), func(t *testing.T) {
			checkGolden(t, path)
		})
	}
}

func checkGolden(t *testing.T, path string) {
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	got := describe(Parse(string(text)))
	golden := strings.TrimSuffix(path, ".txt") + ".golden"
	if *rewrite {
		if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Fatalf("findings differ from %s (-want +got), see -rewrite:\n%s", golden, diff)
	}
}
