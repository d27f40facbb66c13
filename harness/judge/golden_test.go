package judge

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/iomapcheck/iomapcheck/harness/history"
	"github.com/iomapcheck/iomapcheck/harness/prog"
)

var rewrite = flag.Bool("rewrite", false, "write testdata/*.result anew; refused where CI is set")

// TestStoredHistoriesAreJudgedAsBefore judges histories that were kept with today's rules. A story is three files: NAME.prog is the
// program, NAME.jsonl the history, NAME.result the result as JSON. Rewrite the results only when the rules were meant to change.
func TestStoredHistoriesAreJudgedAsBefore(t *testing.T) {
	if *rewrite && os.Getenv("CI") != "" {
		t.Fatal("-rewrite is refused where CI is set: results are rewritten by hand and reviewed")
	}
	programs, err := filepath.Glob("testdata/*.prog")
	if err != nil || len(programs) == 0 {
		t.Fatalf("there are no stored histories: %v", err)
	}
	for _, path := range programs {
		base := strings.TrimSuffix(path, ".prog")
		t.Run(filepath.Base(base), func(t *testing.T) {
			p, h := stored(t, base)
			got := Judge(p, h).json(t)
			if *rewrite {
				if err := os.WriteFile(base+".result", got, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(base + ".result")
			if err != nil {
				t.Fatal(err)
			}
			if string(got) != string(want) {
				t.Errorf("got %s\nwant %s\n%s", got, want, h.Text(p))
			}
		})
	}
}

func (r Result) json(t *testing.T) []byte {
	t.Helper()
	out, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	return append(out, '\n')
}

// stored reads a story's program and history.
func stored(t fataler, base string) (prog.Program, *history.History) {
	t.Helper()
	text, err := os.ReadFile(base + ".prog")
	if err != nil {
		t.Fatal(err)
	}
	p, err := prog.Parse(string(text))
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(base + ".jsonl")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	h, err := history.Read(f)
	if err != nil {
		t.Fatal(err)
	}
	return p, h
}

func FuzzJudgeNeverPanics(f *testing.F) {
	programs, _ := filepath.Glob("testdata/*.prog")
	for _, path := range programs {
		base := strings.TrimSuffix(path, ".prog")
		text, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		lines, err := os.ReadFile(base + ".jsonl")
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(text), string(lines))
	}
	f.Fuzz(func(t *testing.T, text, lines string) {
		p, err := prog.Parse(text)
		if err != nil {
			return
		}
		h, _ := history.Read(strings.NewReader(lines)) // what could be read of it
		res := Judge(p, h)
		if res.Verdict == "" || strings.ContainsAny(res.Summary()+strings.Join(res.Notes, ""), "\n\r") {
			t.Fatalf("result %+v", res)
		}
		if again := Judge(p, h); again.Summary() != res.Summary() {
			t.Fatalf("judged again: %s\nfirst: %s", again.Summary(), res.Summary())
		}
	})
}

// fataler is what testing.T and rapid.T have in common here.
type fataler interface {
	Helper()
	Fatal(args ...any)
}
