package site

import (
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"github.com/iomapcheck/iomapcheck/cases"
	"github.com/iomapcheck/iomapcheck/ci/report"
	"github.com/iomapcheck/iomapcheck/harness/campaign"
	"github.com/iomapcheck/iomapcheck/harness/judge"
	"github.com/iomapcheck/iomapcheck/harness/runs"
)

// recorded is a report of runs that were made on the engine, with a historic bug and without, and on two kernels.
func recorded(t *testing.T) *report.Report {
	t.Helper()
	all, err := runs.Read("../testdata/runs")
	if err != nil {
		t.Fatal(err)
	}
	return report.Build(all, cases.Catalogue())
}

// made makes a site in a new folder.
func made(t testing.TB, r *report.Report, o Options) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "site")
	if err := Write(r, dir, o); err != nil {
		t.Fatal(err)
	}
	return dir
}

// pagesOf are a site's pages by name.
func pagesOf(t *testing.T, dir string) map[string]string {
	t.Helper()
	out := map[string]string{}
	names, err := filepath.Glob(filepath.Join(dir, "*.html"))
	if err != nil || len(names) == 0 {
		t.Fatalf("no pages: %v", err)
	}
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		out[filepath.Base(name)] = string(text)
	}
	return out
}

// flaws are what is wrong with a page's elements: those that are not closed, or not in order, and what is fetched from elsewhere.
func flaws(text string) []string {
	var out, open []string
	for z := html.NewTokenizer(strings.NewReader(text)); ; {
		kind := z.Next()
		if kind == html.ErrorToken {
			break
		}
		token := z.Token()
		for _, a := range token.Attr {
			if a.Key == "src" || a.Key == "href" && strings.Contains(a.Val, "//") || strings.HasPrefix(a.Key, "on") {
				out = append(out, fmt.Sprintf("<%s %s=%q>", token.Data, a.Key, a.Val))
			}
		}
		switch {
		case token.Data == "script" || token.Data == "iframe":
			out = append(out, "<"+token.Data+">")
		case slices.Contains(endless(), token.Data):
		case kind == html.StartTagToken:
			open = append(open, token.Data)
		case kind == html.EndTagToken && (len(open) == 0 || open[len(open)-1] != token.Data):
			out = append(out, fmt.Sprintf("</%s> in %v", token.Data, open))
		case kind == html.EndTagToken:
			open = open[:len(open)-1]
		}
	}
	if len(open) > 0 {
		out = append(out, fmt.Sprintf("%v are never closed", open))
	}
	return out
}

// endless are elements whose end may be, or is, left out.
func endless() []string {
	return []string{"meta", "link", "td", "th", "dt", "dd", "li", "br"}
}

func TestPagesAreWellFormedAndFetchNothing(t *testing.T) {
	for name, text := range pagesOf(t, made(t, recorded(t), Options{})) {
		for _, f := range flaws(text) {
			t.Errorf("%s: %s", name, f)
		}
	}
	for _, bad := range []string{"<div><span></div>", "<div>", `<a href="https://example.org">x</a>`, "<script></script>", `<p onclick="x">y</p>`, `<img src="x.png">`} {
		if len(flaws(bad)) == 0 {
			t.Errorf("nothing is wrong with %s", bad)
		}
	}
}

// linksOf are a page's links, and the names in it to which there can be links.
func linksOf(text string) (links []string, ids map[string]bool) {
	ids = map[string]bool{}
	for z := html.NewTokenizer(strings.NewReader(text)); z.Next() != html.ErrorToken; {
		for _, a := range z.Token().Attr {
			switch a.Key {
			case "href":
				links = append(links, a.Val)
			case "id":
				ids[a.Val] = true
			}
		}
	}
	return links, ids
}

func TestEveryLinkLeadsToAPageAndAPlaceInIt(t *testing.T) {
	dir := made(t, recorded(t), Options{})
	all := pagesOf(t, dir)
	led := map[string]bool{"index.html": true}
	for name, text := range all {
		links, _ := linksOf(text)
		for _, link := range links {
			u, err := url.Parse(link)
			if err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			if _, err := os.Stat(filepath.Join(dir, u.Path)); err != nil {
				t.Errorf("%s: link %s leads nowhere", name, link)
			}
			if _, ids := linksOf(all[u.Path]); u.Fragment != "" && !ids[u.Fragment] {
				t.Errorf("%s: link %s: there is no such place", name, link)
			}
			led[u.Path] = true
		}
	}
	for name := range all {
		if !led[name] {
			t.Errorf("no link leads to %s", name)
		}
	}
}

func TestAFindingsPageHasWhatADeveloperNeeds(t *testing.T) {
	all := pagesOf(t, made(t, recorded(t), Options{}))
	vm, engine := all["finding-fallback.outcomes~first@btrfs@vm.html"], all["finding-fallback.redirty-during-writeback@xfs@refengine.html"]
	for page, wants := range map[string][]string{
		vm: {
			"returned 64k, want 32k", "7.2.13+deb14-amd64", `<svg class="ladder"`, `<svg class="overview"`, "io-error: I/O error", "I/O error, dev vda",
			"iomapcheck replay ../testdata/runs/20261122-031957.803/debian-7.2/vm~7.2.13", "iomapcheck run - --target vm --kernel debian:7.2 --fs btrfs &lt; program.txt",
			"git bisect start v7.2.13 v6.12.117", "git log --oneline v6.12.117..v7.2.13", `<span class="bad line"><i>5</i>direct-write f 0 64k n`,
		},
		engine: {"iomapcheck replay t2.fallback/redirty", "2 of 11 operations are enough", `rect class="held"`, "with dio-ignore-invalidate-failure", "stale-pagecache"},
	} {
		for _, want := range wants {
			if !strings.Contains(strings.ReplaceAll(page, "&#43;", "+"), want) {
				t.Errorf("no %q on the page that begins %.80q", want, page)
			}
		}
	}
}

func TestAFindingHasItsProgramAsC(t *testing.T) {
	dir := made(t, recorded(t), Options{})
	text, err := os.ReadFile(filepath.Join(dir, "finding-fallback.outcomes~first@btrfs@vm.c"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{" * seen        ", "7.2.13+deb14-amd64 (debian:7.2)", "mkfs.btrfs", "set_rule(t, 4, (struct rule){ .writes = 1, .fails = 1 });"} {
		if !strings.Contains(string(text), want) {
			t.Errorf("no %q in\n%.3000s", want, text)
		}
	}
	if page := pagesOf(t, dir)["finding-fallback.outcomes~first@btrfs@vm.html"]; !strings.Contains(page, `<a href="finding-fallback.outcomes~first@btrfs@vm.c"`) {
		t.Error("its page does not offer it")
	}
}

func TestAFindingsPageSaysSinceWhenItIsBadAndBetweenWhichKernels(t *testing.T) {
	run := func(day int, revision, kernel string, v judge.Verdict) runs.Run {
		return runs.Run{Info: runs.Info{Started: time.Date(2026, 11, day, 1, 30, 0, 0, time.UTC), Revision: revision}, Verdicts: []campaign.Verdict{{
			Case: "fallback/hole", Target: "vm", Kernel: kernel, KernelSpec: "debian:6.12", FS: "xfs", Verdict: v, Executions: 1,
		}}}
	}
	for name, c := range map[string]struct {
		runs []runs.Run
		want []string
	}{
		"another kernel": {
			[]runs.Run{run(1, "a", "6.12.111", judge.OK), run(2, "a", "6.12.114", judge.Infra), run(3, "a", "6.12.117", judge.Fail), run(4, "a", "6.12.118", judge.Fail)},
			[]string{"first bad 2026-11-03 01:30 UTC on 6.12.117; last good 2026-11-01 01:30 UTC on 6.12.111", "between them 6.12.112 to 6.12.117", "git bisect start v6.12.117 v6.12.111", "·<b class=\"v-infra\">!</b><b class=\"v-fail\">xx</b>"},
		},
		"another iomapcheck": {
			[]runs.Run{run(1, "old", "6.12.117", judge.OK), run(2, "new", "6.12.117", judge.Fail)}, []string{"the same kernel, but iomapcheck went from old to new"},
		},
		"nothing else": {
			[]runs.Run{run(1, "a", "6.12.117", judge.OK), run(2, "a", "6.12.117", judge.Fail)}, []string{"the same kernel, so that chance has to do with it"},
		},
		"ever": {[]runs.Run{run(1, "a", "6.12.117", judge.Fail)}, []string{"2026-11-01 01:30 UTC on 6.12.117, the first run that tried it", "evidence of this run is not kept"}},
	} {
		page := pagesOf(t, made(t, report.Build(c.runs, cases.Catalogue()), Options{}))["finding-fallback.hole@xfs@vm.html"]
		for _, want := range c.want {
			if !strings.Contains(page, want) {
				t.Errorf("%s: no %q in\n%s", name, want, page)
			}
		}
	}
}

func TestAFindingWithoutAPageOfItsOwnIsExplainedOnItsCases(t *testing.T) {
	own, replays := 0, 0
	for name, text := range pagesOf(t, made(t, recorded(t), Options{Findings: 2})) {
		if strings.HasPrefix(name, "finding-") {
			own++
		}
		if strings.HasPrefix(name, "case-") {
			replays += strings.Count(text, "⟶ iomapcheck replay ")
		}
	}
	if own != 2 || replays != 1 {
		t.Errorf("%d findings have a page, and the cases' pages have %d replays", own, replays)
	}
}

func TestAFolderThatHoldsSomethingElseIsNotTouched(t *testing.T) {
	dir := t.TempDir()
	mine := filepath.Join(dir, "thesis.html")
	if err := os.WriteFile(mine, []byte("years of work"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := Write(recorded(t), dir, Options{}); err == nil || !strings.Contains(err.Error(), "no site of ours") {
		t.Errorf("error %v", err)
	}
	if text, err := os.ReadFile(mine); err != nil || string(text) != "years of work" {
		t.Errorf("%q, %v", text, err)
	}
}

func TestASiteIsReplacedAndOldPagesGo(t *testing.T) {
	r := recorded(t)
	dir := made(t, r, Options{})
	old := filepath.Join(dir, "finding-old.html")
	if err := os.WriteFile(old, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := Write(r, dir, Options{}); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(old); err == nil {
		t.Error("a page of the site before is still there")
	}
}
