package campaign

import (
	"slices"
	"testing"

	"github.com/iomapcheck/iomapcheck/cases"
	"github.com/iomapcheck/iomapcheck/harness/fsys"
	"github.com/iomapcheck/iomapcheck/harness/judge"
	"github.com/iomapcheck/iomapcheck/harness/prog"
	"github.com/iomapcheck/iomapcheck/harness/target/model"
)

// spread are the names of the units that are left in.
func spread(t *testing.T, catalogue []prog.Case, fs ...string) (kept, all []string) {
	t.Helper()
	units, err := Plan(catalogue, Selection{FS: fs})
	if err != nil {
		t.Fatal(err)
	}
	left := Spread(units, "vm", "6.12")
	for i, u := range units {
		all = append(all, u.Name())
		if !left[i] {
			kept = append(kept, u.Name())
		}
	}
	return kept, all
}

func TestFurtherVariantsAreSpreadOverFileSystemsThatCanTryThem(t *testing.T) {
	p, err := prog.Parse("write f 0 4k a\n")
	if err != nil {
		t.Fatal(err)
	}
	c := prog.Case{ID: "coherence/spread", Variants: []prog.Variant{
		{Name: "a", Program: p}, {Name: "night", Program: p, Nightly: true}, {Name: "b", Program: p}, {Name: "c", Program: p}, {Name: "d", Program: p},
	}, Rows: []prog.Row{{FS: []string{"ext4"}, Variants: []string{"c"}, Unsupported: "no"}}}
	kept, _ := spread(t, []prog.Case{c}, "xfs", "ext4", "gfs2")
	want := []string{
		"coherence/spread~a@xfs", "coherence/spread~a@ext4", "coherence/spread~a@gfs2",
		"coherence/spread~night@xfs", "coherence/spread~night@ext4", "coherence/spread~night@gfs2",
		"coherence/spread~b@xfs", "coherence/spread~c@gfs2", "coherence/spread~d@gfs2",
	}
	if !slices.Equal(kept, want) {
		t.Errorf("got  %q\nwant %q", kept, want)
	}
}

func TestNothingIsSpreadOverOneFileSystem(t *testing.T) {
	if kept, all := spread(t, cases.Catalogue(), "ext4"); !slices.Equal(kept, all) {
		t.Errorf("%d of %d units are left in", len(kept), len(all))
	}
}

// Every rule on every file system, every variant on one at least, and each file system has its share of variants.
func TestAShortLookSeesEveryRuleEverywhereAndEveryVariantSomewhere(t *testing.T) {
	catalogue := cases.Catalogue()
	kept, all := spread(t, catalogue)
	if len(kept) > len(all)*2/3 {
		t.Errorf("%d of %d units are left in", len(kept), len(all))
	}
	seen := map[string]int{}
	for _, name := range kept {
		u, err := ParseName(catalogue, name)
		if err != nil {
			t.Fatal(err)
		}
		seen[u.CaseName()]++
		seen[u.FS.String()]++
		seen[u.Case.ID+" on "+u.FS.String()]++
	}
	for _, name := range all {
		u, err := ParseName(catalogue, name)
		if err != nil {
			t.Fatal(err)
		}
		for _, part := range []string{u.CaseName(), u.Case.ID + " on " + u.FS.String()} {
			if seen[part] == 0 {
				t.Errorf("%s is left out everywhere", part)
			}
		}
		if share := seen[u.FS.String()]; share < len(kept)/6 {
			t.Fatalf("%s has %d of %d units", u.FS, share, len(kept))
		}
	}
	t.Logf("%d of %d units", len(kept), len(all))
}

// What a file system is said to refuse, the engine's refuses.
func TestWhatIsRefusedIsRefusedByTheEngineToo(t *testing.T) {
	programs := map[string]string{
		"clone": "write f 0 64k o\nfsync f\nclone f g\n", "jdata": "attr f jdata\n",
		"unshare": "write f 0 64k o\nfallocate f 0 16k unshare\n", "zero-range": "write f 0 64k o\nfallocate f 4k 8k zero-range\n",
	}
	for _, s := range fsys.Defaults() {
		for word, text := range programs {
			p, err := prog.Parse(text)
			if err != nil {
				t.Fatal(err)
			}
			u := Unit{Case: prog.Case{ID: "coherence/refused", Variants: []prog.Variant{{Program: p}}}, Variant: prog.Variant{Program: p}, FS: s}
			runner := Runner{Target: model.New(model.Config{Release: "6.12"}), Seed: 1, Budget: 5}
			v := runner.Run(t.Context(), u, func(string) {})
			if refuses := v.Verdict == judge.Unsupported; refuses != u.refused() {
				t.Errorf("%s, %s: %s (%s), said to refuse it: %t", s, word, v.Verdict, v.Text, u.refused())
			}
		}
	}
}
