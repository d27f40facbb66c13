package compare

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/iomapcheck/iomapcheck/cases"
	"github.com/iomapcheck/iomapcheck/harness/campaign"
	"github.com/iomapcheck/iomapcheck/harness/judge"
	"github.com/iomapcheck/iomapcheck/harness/prog"
	"github.com/iomapcheck/iomapcheck/harness/runs"
	"github.com/iomapcheck/iomapcheck/harness/xfstests/around"
	"github.com/iomapcheck/iomapcheck/harness/xfstests/around/inguest"
)

// wrong says what of a mapping is neither in the catalogue nor among the branches.
func wrong(situations []Situation, catalogue []prog.Case, branches []string) []string {
	var names, out []string
	for _, c := range catalogue {
		names = append(names, c.ID)
		for _, v := range c.Variants {
			names = append(names, c.ID+"~"+v.Name)
		}
	}
	for _, s := range situations {
		if s.What == "" || len(s.Rules) == 0 {
			out = append(out, "a situation without words or rules: "+s.What)
		}
		for _, rule := range s.Rules {
			if !slices.Contains(names, rule) {
				out = append(out, "no case "+rule)
			}
		}
		if s.Branch != "" && !slices.Contains(branches, s.Branch) {
			out = append(out, "no branch "+s.Branch)
		}
		for _, test := range s.Tests {
			if aims()[test] == "" {
				out = append(out, "no aim of "+test)
			}
		}
	}
	return out
}

func TestTheMappingNamesCasesOfTheCatalogueAndBranchesThatAreCounted(t *testing.T) {
	for _, w := range wrong(Situations(), cases.Catalogue(), inguest.Branches()) {
		t.Error(w)
	}
	if len(Situations()) < 6 || len(Tests()) != 12 {
		t.Errorf("%d situations, tests %v", len(Situations()), Tests())
	}
	bad := []Situation{{What: "x", Branch: "no-such", Tests: []string{"generic/000"}, Rules: []string{"fallback/nonesuch", "fallback/outcomes~nonesuch"}}, {}}
	if got := wrong(bad, cases.Catalogue(), inguest.Branches()); len(got) != 5 {
		t.Errorf("a wrong mapping has %q", got)
	}
}

// stockVerdict is one as package around writes it.
func stockVerdict(test, column string, verdict judge.Verdict, seconds int, branches map[string]int64) around.Verdict {
	v := around.Verdict{Column: column, TestSeconds: seconds, Branches: branches}
	v.Case, v.Target, v.Kernel, v.FS, v.Verdict.Verdict = test, "xfstests", "6.12.117", strings.Split(column, "/")[0], verdict
	return v
}

// ruleVerdict is one on a case's variant, with its witness seen or not.
func ruleVerdict(name, fs string, verdict judge.Verdict, seen bool, seconds float64) campaign.Verdict {
	id, variant, _ := strings.Cut(name, "~")
	v := campaign.Verdict{Case: id, Target: "vm", Kernel: "6.12.117", FS: fs, Verdict: verdict, Seconds: seconds, Witness: []string{"seen: held-while refill: op 6"}}
	if variant != "" {
		v.Parameters = map[string]string{"variant": variant}
	}
	if !seen {
		v.Witness = []string{"NOT SEEN: held-while refill: it waited"}
	}
	return v
}

// kept writes a run that began at an hour.
func kept[V any](t *testing.T, root, name string, hour int, verdicts ...V) {
	t.Helper()
	dir := filepath.Join(root, name)
	if err := runs.Keep(runs.Info{Dir: dir, Started: time.Date(2026, 11, 22, hour, 0, 0, 0, time.UTC)}, nil); err != nil {
		t.Fatal(err)
	}
	var text bytes.Buffer
	for _, v := range verdicts {
		if err := json.NewEncoder(&text).Encode(v); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "verdicts.jsonl"), text.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}

func of(t *testing.T, root string) []Kernel {
	t.Helper()
	all, err := runs.Read(root)
	if err != nil {
		t.Fatal(err)
	}
	kernels, err := Of(all)
	if err != nil {
		t.Fatal(err)
	}
	return kernels
}

// week is a small comparison: a night before, and the newest.
func week(t *testing.T) string {
	root := t.TempDir()
	failed := stockVerdict("generic/208", "btrfs", judge.Fail, 0, map[string]int64{inguest.DirectIO: 0, inguest.StalePageCache: 0, inguest.InvalidateFail: 0})
	failed.Text = "output mismatch | *blue*"
	lost := stockVerdict("generic/208", "xfs", judge.OK, 287, map[string]int64{inguest.DirectIO: 148, inguest.StalePageCache: 143, inguest.InvalidateFail: 0})
	lost.AtLeast = true
	// Named so that the directories' order is not the runs'.
	kept(t, root, "z-before", 1, stockVerdict("generic/095", "xfs", judge.Hang, 0, nil))
	kept(t, root, "newest", 2,
		stockVerdict("generic/095", "xfs", judge.OK, 111, map[string]int64{inguest.DirectIO: 21765, inguest.InvalidateFail: 23, inguest.StalePageCache: 18, inguest.Fallback: 23}),
		stockVerdict("generic/095", "ext4/1k", judge.Unsupported, 0, nil), lost, failed,
		stockVerdict("generic/091", "ext4", judge.OK, 378, map[string]int64{inguest.DirectIO: 23667, inguest.Fallback: 5}),
		stockVerdict("generic/091", "xfs", judge.OK, 189, map[string]int64{inguest.DirectIO: 10193, inguest.Fallback: 12718}),
		stockVerdict("generic/451", "xfs", judge.OK, 191, map[string]int64{inguest.DirectIO: 92}))
	other := ruleVerdict("coherence/post-write-invalidation", "btrfs", judge.OK, true, 3)
	other.Row = "it waits for the ordered extent"
	engine := ruleVerdict("fallback/redirty-during-writeback", "xfs", judge.OK, true, 9)
	engine.Target = "refengine"
	short := ruleVerdict("fallback/redirty-during-writeback~aio", "xfs", judge.OK, true, 9)
	short.Parameters["pressure"] = "max"
	kept(t, root, "ours", 3, other, engine, short,
		ruleVerdict("fallback/redirty-during-writeback", "ext4", judge.OK, true, 0.9),
		ruleVerdict("fallback/redirty-during-writeback~aio", "xfs", judge.OK, true, 1),
		ruleVerdict("fallback/redirty-during-writeback", "xfs", judge.OK, true, 2),
		ruleVerdict("coherence/post-write-invalidation", "xfs", judge.Unexercised, false, 4),
		ruleVerdict("coherence/post-write-invalidation", "xfs", judge.OK, true, 1),
		ruleVerdict("coherence/clone-direct-write~part", "ext4", judge.Unsupported, false, 0),
		ruleVerdict("coherence/clone-direct-write~block", "xfs", judge.OK, true, 0),
		ruleVerdict("durability/fsync", "xfs", judge.OK, true, 0))
	return root
}

func TestTheTablesHaveTheNewestVerdictOfEachCellAndWhatOurRulesShow(t *testing.T) {
	var got bytes.Buffer
	if err := Markdown(&got, of(t, week(t))); err != nil {
		t.Fatal(err)
	}
	want := `## Stock xfstests and our rules

### Linux 6.12.117

| stock test | aims at | xfs | ext4 | btrfs | ext4/1k |
|---|---|---|---|---|---|
| generic/091 | direct I/O of parts of blocks, by fsx | ok 189 s: direct-io 10,193, fallback 12,718 | ok 378 s: direct-io 23,667, fallback 5 | · | · |
| generic/095 | fio: direct, buffered, spliced and mapped I/O of two files | ok 111 s: direct-io 21,765, invalidate-fail 23, stale-page-cache 18, fallback 23 | · | · | unsupported |
| generic/208 | a direct write whose invalidation fails; 200 s, whatever happens | ok 287 s: direct-io ≥148, stale-page-cache ≥143 | · | **fail** | · |
| generic/451 | buffered readers beside an asynchronous direct writer | ok 191 s: direct-io 92 | · | · | · |

- fail: generic/208 on btrfs: output mismatch \| \*blue\*

| what is provoked | stock tests, on the way: how often / direct I/Os | our rule | its witness was seen in | took (median) |
|---|---|---|---|---|
| a direct write that cannot invalidate the cache beforehand, and falls back | generic/095: 23 / 21,765 on xfs; never in 2 other verdicts; not counted in 4 other verdicts | ` + "`fallback/redirty-during-writeback`" + ` | 2 of 2 runs on xfs, 1 of 1 run on ext4 | 1.5 s on xfs, 0.9 s on ext4 |
| one that cannot afterwards, and leaves a stale cache | generic/095: 18 / 21,765 on xfs; generic/208: ≥143 / ≥148 on xfs; never in 1 other verdict; not counted in 4 other verdicts | ` + "`coherence/store-during-direct-write`" + ` | · | · |
| a cache that is refilled while a direct write is in flight | generic/451: no count can tell | ` + "`coherence/post-write-invalidation`" + ` | 1 of 2 runs on xfs (1 unexercised), 1 of 1 run on btrfs\* | 2.5 s on xfs, 3.0 s on btrfs |
| an unaligned direct write to shared blocks, which xfs sends through the cache | generic/091: 12,718 / 10,193 on xfs (for whichever of xfs' reasons) | ` + "`coherence/clone-direct-write~part`" + ` | unsupported on ext4 | · |
| a buffer that maps what is written or read | · | ` + "`progress/self-mapped-buffer~read`" + ` | · | · |
|  |  | ` + "`progress/self-mapped-buffer~write`" + ` | · | · |
| a size that is seen before its data | · | ` + "`coherence/dio-size-after-data`" + ` | · | · |

\* takes another way by design, and the witness is of that
`
	if d := cmp.Diff(want, got.String()); d != "" {
		t.Error(d)
	}
}

func TestATerminalHasALineForEachCell(t *testing.T) {
	var got bytes.Buffer
	if err := Text(&got, of(t, week(t))); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"Linux 6.12.117\n\ngeneric/091  direct I/O of parts of blocks, by fsx\n  xfs          ok 189 s: direct-io 10,193, fallback 12,718\n",
		"  btrfs        ·\n", "\nfail: generic/208 on btrfs: output mismatch | *blue*\n",
		"  stock tests  generic/095: 23 / 21,765 on xfs; never",
		"  our rule     fallback/redirty-during-writeback: 2 of 2 runs on xfs, 1 of 1 run on ext4; 1.5 s on xfs, 0.9 s on ext4\n",
		"  our rule     coherence/clone-direct-write~part: unsupported on ext4\n", "  our rule     coherence/dio-size-after-data: ·\n", "\n" + star + "\n",
	} {
		if !strings.Contains(got.String(), want) {
			t.Errorf("want …%s… in\n%s", want, got.String())
		}
	}
}

func TestEachKernelHasItsTablesOldestFirst(t *testing.T) {
	root := t.TempDir()
	newer, older := stockVerdict("generic/091", "xfs", judge.OK, 1, nil), stockVerdict("generic/091", "xfs", judge.OK, 2, nil)
	newer.Kernel, older.Kernel = "6.12.117", "6.1.192"
	own := ruleVerdict("coherence/dio-size-after-data", "xfs", judge.OK, true, 1)
	own.Kernel = "tree"
	kept(t, root, "stock", 1, newer, older)
	kept(t, root, "ours", 2, own)
	kernels := of(t, root)
	var names []string
	for _, k := range kernels {
		names = append(names, k.Release)
	}
	if d := cmp.Diff([]string{"6.1.192", "6.12.117", "tree"}, names); d != "" {
		t.Error(d)
	}
	if got := kernels[0].Tests[0].Cell("xfs"); got != "ok 2 s" {
		t.Errorf("6.1 has %s", got)
	}
}

func TestOneOfTheTwoKindsIsEnough(t *testing.T) {
	for name, v := range map[string]any{
		"stock": stockVerdict("generic/586", "xfs", judge.OK, 347, map[string]int64{inguest.DirectIO: 105}),
		"ours":  ruleVerdict("coherence/dio-size-after-data", "xfs", judge.OK, true, 0.3),
	} {
		root := t.TempDir()
		kept(t, root, name, 1, v)
		var got bytes.Buffer
		if err := errors.Join(Markdown(&got, of(t, root)), Text(&got, of(t, root))); err != nil {
			t.Fatal(err)
		}
		stock, own := strings.Contains(got.String(), "generic/586: 105 on xfs"), strings.Contains(got.String(), "1 of 1 run on xfs")
		none := strings.Contains(got.String(), "No stock test has a verdict") && strings.Contains(got.String(), "no stock test has a verdict")
		if stock != (name == "stock") || own != (name == "ours") || none != (name == "ours") {
			t.Errorf("%s alone:\n%s", name, got.String())
		}
	}
}

func TestRunsOfSomethingElseAreAnErrorOfOneLine(t *testing.T) {
	root := t.TempDir()
	kept(t, root, "other", 1, ruleVerdict("durability/fsync", "xfs", judge.OK, true, 1))
	all, err := runs.Read(root)
	if err != nil {
		t.Fatal(err)
	}
	_, err = Of(all)
	var nothing *NothingError
	if !errors.As(err, &nothing) || strings.Contains(err.Error(), "\n") || !strings.Contains(err.Error(), "no verdict on a stock test") {
		t.Errorf("error %v", err)
	}
}

func TestFieldsOfAStockVerdictThatCannotBeReadAreAnError(t *testing.T) {
	root := t.TempDir()
	kept(t, root, "broken", 1, map[string]any{"case": "generic/091", "target": "xfstests", "kernel": "6.12.117", "verdict": "ok", "branches": "many"})
	all, err := runs.Read(root)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Of(all); err == nil || !strings.Contains(err.Error(), "run broken: verdict on generic/091: ") {
		t.Errorf("error %v", err)
	}
}

func TestNumbersAreGrouped(t *testing.T) {
	for n, want := range map[int64]string{0: "0", 999: "999", 1000: "1,000", 12718: "12,718", 1234567: "1,234,567"} {
		if got := grouped(n); got != want {
			t.Errorf("%d: %s, want %s", n, got, want)
		}
	}
}
