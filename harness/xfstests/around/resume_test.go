package around

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/iomapcheck/iomapcheck/harness/judge"
	"github.com/iomapcheck/iomapcheck/harness/runs"
)

func openLog(t *testing.T, dir, tree, kernel string, columns ...Column) *Log {
	t.Helper()
	log, err := OpenLog(dir, tree, kernel, columns)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { log.Close() })
	return log
}

func TestTwoRunsDoNotShareADirectory(t *testing.T) {
	dir := t.TempDir()
	first := openLog(t, dir, "tree", "6.12")
	if _, err := OpenLog(dir, "tree", "6.12", nil); err == nil || !strings.Contains(err.Error(), "another process runs in it") {
		t.Error(err)
	}
	first.Close()
	openLog(t, dir, "tree", "6.12")
}

func verdictOn(u Unit, verdict judge.Verdict) Verdict {
	v := Verdict{Column: u.Column.Name, Groups: u.Test.Groups}
	v.Case, v.Verdict.Verdict = u.Test.Name, verdict
	return v
}

func TestAContinuedRunSkipsWhatHasAVerdictAndTriesOurFaultsAgain(t *testing.T) {
	dir := t.TempDir()
	a, b, c := unit("generic/001", "xfs"), unit("generic/002", "xfs"), unit("generic/001", "ext4")
	first := openLog(t, dir, "tree", "6.12", a.Column)
	for _, v := range []Verdict{verdictOn(a, judge.Fail), verdictOn(b, judge.Infra)} {
		if err := first.Add(v); err != nil {
			t.Fatal(err)
		}
	}
	first.Close()
	second := openLog(t, dir, "tree", "6.12", a.Column, c.Column)
	for u, want := range map[string]bool{a.Name(): true, b.Name(): false, c.Name(): false} {
		for _, of := range []Unit{a, b, c} {
			if _, done := second.Done(of); of.Name() == u && done != want {
				t.Errorf("%s: done %t, want %t", u, done, want)
			}
		}
	}
	if err := second.Add(verdictOn(b, judge.OK)); err != nil {
		t.Fatal(err)
	}
	second.Close()
	if v, done := openLog(t, dir, "tree", "6.12", a.Column).Done(b); !done || v.Verdict.Verdict != judge.OK {
		t.Errorf("the newer verdict does not count: %v", v.Verdict.Verdict)
	}
}

func TestAVerdictThatWasCutShortComesAgain(t *testing.T) {
	dir := t.TempDir()
	a, b := unit("generic/001", "xfs"), unit("generic/002", "xfs")
	log := openLog(t, dir, "tree", "6.12", a.Column)
	for _, u := range []Unit{a, b} {
		if err := log.Add(verdictOn(u, judge.OK)); err != nil {
			t.Fatal(err)
		}
	}
	log.Close()
	path := filepath.Join(dir, "verdicts.jsonl")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, text[:len(text)-10], 0o644); err != nil {
		t.Fatal(err)
	}
	again := openLog(t, dir, "tree", "6.12", a.Column)
	if _, done := again.Done(a); !done {
		t.Error("what is whole is lost")
	}
	if _, done := again.Done(b); done {
		t.Error("half a verdict counts")
	}
	if err := again.Add(verdictOn(b, judge.OK)); err != nil {
		t.Fatal(err)
	}
	if got, _ := os.ReadFile(path); string(got) != string(text) {
		t.Errorf("the log is\n%s, want\n%s", got, text)
	}
}

func TestARunOfSomethingElseIsNotContinued(t *testing.T) {
	xfs := Column{Name: "xfs", FSType: "xfs", Keys: map[string]string{}}
	changed := Column{Name: "xfs", FSType: "xfs", Keys: map[string]string{"TIME_FACTOR": "2"}}
	for _, c := range []struct {
		tree, kernel string
		column       Column
		want         string
	}{
		{"other", "6.12", xfs, "tree has changed"}, {"tree", "7.2", xfs, "of kernel 6.12, not 7.2"}, {"tree", "6.12", changed, "options of xfs"},
	} {
		dir := t.TempDir()
		openLog(t, dir, "tree", "6.12", xfs).Close()
		if _, err := OpenLog(dir, c.tree, c.kernel, []Column{c.column}); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v: %v", c, err)
		}
	}
}

// Reports put runs in order by their time: that of a run which is continued is when it was begun.
func TestARunIsDescribedAsEveryRunIsByWhenItWasBegun(t *testing.T) {
	dir := t.TempDir()
	u := unit("generic/001", "xfs")
	log := openLog(t, dir, "tree", "6.12", u.Column)
	if err := log.Add(verdictOn(u, judge.OK)); err != nil {
		t.Fatal(err)
	}
	log.Close()
	was := keptRun(t, dir)
	if since := time.Since(was.Started); since > time.Minute || len(was.Verdicts) != 1 {
		t.Errorf("begun %v ago, verdicts %v", since, was.Verdicts)
	}
	path := filepath.Join(dir, "run.json")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	year := was.Started.Format(`"started": "2006-`)
	if err := os.WriteFile(path, []byte(strings.Replace(string(text), year, `"started": "2001-`, 1)), 0o644); err != nil {
		t.Fatal(err)
	}
	openLog(t, dir, "tree", "6.12", u.Column).Close()
	if now := keptRun(t, dir); now.Started.Year() != 2001 {
		t.Errorf("begun in 2001, and continued it says %v", now.Started)
	}
}

func keptRun(t *testing.T, dir string) runs.Run {
	t.Helper()
	all, err := runs.Read(dir)
	if err != nil {
		t.Fatal(err)
	}
	return all[0]
}
