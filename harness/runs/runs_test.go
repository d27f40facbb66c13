package runs

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/iomapcheck/iomapcheck/harness/campaign"
	"github.com/iomapcheck/iomapcheck/harness/judge"
)

// verdict is one on a case, with evidence below dir.
func verdict(name, dir string, v judge.Verdict) campaign.Verdict {
	out := campaign.Verdict{Case: name, Parameters: map[string]string{}, Target: "vm", Kernel: "6.12.117", KernelSpec: "debian:6.12", FS: "xfs", Witness: []string{}, Verdict: v}
	if dir != "" {
		out.Evidence = filepath.Join(dir, "vm~6.12.117~xfs~"+strings.ReplaceAll(name, "/", "-"))
		out.Replay = out.Evidence
	}
	return out
}

func at(t *testing.T, text string) time.Time {
	t.Helper()
	when, err := time.Parse(time.DateTime, text)
	if err != nil {
		t.Fatal(err)
	}
	return when
}

// kept makes a run's directory with the evidence that its verdicts name.
func kept(t *testing.T, info Info, verdicts ...campaign.Verdict) {
	t.Helper()
	for _, v := range verdicts {
		if v.Evidence != "" {
			mkdir(t, v.Evidence)
		}
	}
	if err := Keep(info, verdicts); err != nil {
		t.Fatal(err)
	}
}

func mkdir(t *testing.T, dir string) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, paths ...string) []Run {
	t.Helper()
	all, err := Read(paths...)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestARunIsReadAsItWasKept(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "20261121-101500.000")
	info := Info{Started: at(t, "2026-11-21 10:15:00"), Command: []string{"iomapcheck", "run"}, Revision: "0123", Dir: dir}
	want := []campaign.Verdict{verdict("a/b", dir, judge.OK), verdict("a/c", "", judge.Unsupported)}
	kept(t, info, want...)
	got := read(t, dir)
	if d := cmp.Diff([]Run{{Info: info, Title: "20261121-101500.000", Verdicts: want}}, got, cmp.AllowUnexported(campaign.Verdict{}), cmpopts.IgnoreFields(Run{}, "Lines")); d != "" {
		t.Error(d)
	}
}

func TestEvidenceIsFoundWhereTheRunLiesNow(t *testing.T) {
	was, now := filepath.Join(t.TempDir(), "run"), filepath.Join(t.TempDir(), "copy")
	kept(t, Info{Dir: was}, verdict("a/b", filepath.Join(was, "debian-6.12"), judge.Fail), verdict("a/c", was, judge.Fail))
	if err := os.Rename(was, now); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(filepath.Join(now, "vm~6.12.117~xfs~a-c")); err != nil {
		t.Fatal(err)
	}
	v := read(t, now)[0].Verdicts
	if want := filepath.Join(now, "debian-6.12", "vm~6.12.117~xfs~a-b"); v[0].Evidence != want || v[0].Replay != want {
		t.Errorf("evidence %s, replay %s, want %s", v[0].Evidence, v[0].Replay, want)
	}
	if v[1].Evidence != "" {
		t.Errorf("evidence %s, which is gone", v[1].Evidence)
	}
}

func TestRunsComeInTheOrderOfTheirTimeAndThoseOfOneNameAreOne(t *testing.T) {
	root := t.TempDir()
	keep := func(name, dir, when, of string) {
		kept(t, Info{Name: name, Dir: filepath.Join(root, dir), Started: at(t, when)}, verdict(of, "", judge.OK))
	}
	keep("night-2", "shard-1/a", "2026-11-22 01:30:00", "a/b")
	keep("", "z", "2026-11-21 01:30:00", "a/b")
	keep("night-2", "shard-2/b", "2026-11-22 01:29:00", "a/c")
	got := read(t, root, filepath.Join(root, "z")) // named twice, and once read
	if len(got) != 2 || got[0].Title != "z" || got[1].Title != "night-2" {
		t.Fatalf("got %v", got)
	}
	if len(got[1].Verdicts) != 2 || !got[1].Started.Equal(at(t, "2026-11-22 01:29:00")) {
		t.Errorf("the night is %v", got[1])
	}
}

func TestWhatAVerdictHasOfItsOwnIsKeptBesideIt(t *testing.T) {
	root := t.TempDir()
	line := func(name string) string {
		return fmt.Sprintf(`{"case":"%s","target":"xfstests","kernel":"6.12.117","fs":"xfs","verdict":"ok","test_seconds":7}`, name) + "\n"
	}
	for dir, text := range map[string]string{
		"kept/run.json": `{"name": "week"}`, "kept/verdicts.jsonl": line("generic/001") + line("generic/002"),
		"more/run.json": `{"name": "week"}`, "more/verdicts.jsonl": line("generic/003"),
		"z-20261121-112455/xfs~generic-004/verdict.json": line("generic/004"),
	} {
		mkdir(t, filepath.Dir(filepath.Join(root, dir)))
		if err := os.WriteFile(filepath.Join(root, dir), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	n := 0
	for _, r := range read(t, root) {
		if len(r.Lines) != len(r.Verdicts) {
			t.Fatalf("%s: %d lines of %d verdicts", r.Title, len(r.Lines), len(r.Verdicts))
		}
		for i, v := range r.Verdicts {
			n++
			if got := string(r.Lines[i]); got != line(v.Case) {
				t.Errorf("%s: the line is %s", v.Case, got)
			}
		}
	}
	if n != 4 {
		t.Errorf("%d verdicts", n)
	}
}

// Runs of stock tests were described without their time once.
func TestARunWhoseDescriptionHasNoTimeIsAsOldAsItsNameSays(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "20261121-112455.000")
	kept(t, Info{Dir: dir}, verdict("a/b", "", judge.OK))
	if got := read(t, dir)[0].Started.Format(stampForm); got != "20261121-112455" {
		t.Errorf("began %s", got)
	}
}

func TestADirectoryWithoutADescriptionIsReadByItsEvidence(t *testing.T) {
	root := t.TempDir()
	dir := filepath.Join(root, "20261121-112455", "vm~6.12.117~xfs~a-b")
	mkdir(t, dir)
	text := `{"case":"a/b","target":"vm","kernel":"6.12.117","fs":"xfs","verdict":"fail","evidence":"/elsewhere/vm~6.12.117~xfs~a-b","replay":"/elsewhere/vm~6.12.117~xfs~a-b"}`
	if err := os.WriteFile(filepath.Join(dir, "verdict.json"), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	got := read(t, root)
	if len(got) != 1 || len(got[0].Verdicts) != 1 || got[0].Verdicts[0].Evidence != dir || got[0].Verdicts[0].Replay != dir {
		t.Fatalf("got %v", got)
	}
	if got[0].Started.Format(stampForm) != "20261121-112455" {
		t.Errorf("began %v, and its name says when", got[0].Started)
	}
}

func TestAVerdictThatWasCutOffByAKillIsLeftOut(t *testing.T) {
	dir := t.TempDir()
	kept(t, Info{Dir: dir}, verdict("a/b", "", judge.OK))
	path := filepath.Join(dir, verdictsFile)
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString(`{"case":"a/c","verd`); err != nil {
		t.Fatal(err)
	}
	f.Close()
	if got := read(t, dir); len(got[0].Verdicts) != 1 {
		t.Errorf("got %v", got[0].Verdicts)
	}
	if got := read(t, path); len(got[0].Verdicts) != 1 {
		t.Errorf("as a file: got %v", got[0].Verdicts)
	}
}

func TestWhatHoldsNoVerdictsIsAnErrorThatSaysWhatIsWanted(t *testing.T) {
	dir := t.TempDir()
	other := filepath.Join(dir, "other.jsonl")
	if err := os.WriteFile(other, []byte("{\"mutant\": \"m\"}\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		filepath.Join(dir, "absent"): "no such file", other: "line 1 is no verdict", t.TempDir(): "no verdicts below it",
	} {
		if _, err := Read(path); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want …%s…", path, err, want)
		}
	}
}
