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

func TestAFileSystemThatCannotTryTheFirstVariantTriesTheFirstThatItCan(t *testing.T) {
	p, err := prog.Parse("write f 0 4k a\n")
	if err != nil {
		t.Fatal(err)
	}
	c := prog.Case{ID: "coherence/spread", Variants: []prog.Variant{{Name: "a", Program: p}, {Name: "b", Program: p}, {Name: "c", Program: p}}, Rows: []prog.Row{
		{FS: []string{"gfs2"}, Variants: []string{"a"}, Unsupported: "no"},
		{FS: []string{"xfs"}, Variants: []string{"c"}, Since: "6.13", Backports: []string{"6.12.50"}, Unsupported: "no more"},
	}}
	kept, _ := spread(t, []prog.Case{c}, "xfs", "gfs2")
	if want := []string{"coherence/spread~a@xfs", "coherence/spread~a@gfs2", "coherence/spread~b@gfs2", "coherence/spread~c@gfs2"}; !slices.Equal(kept, want) {
		t.Errorf("got  %q\nwant %q", kept, want)
	}
}

func TestNothingIsSpreadOverOneFileSystem(t *testing.T) {
	if kept, all := spread(t, cases.Catalogue(), "ext4"); !slices.Equal(kept, all) {
		t.Errorf("%d of %d units are left in", len(kept), len(all))
	}
}

// Every rule on every file system that can try it, every variant on one at least that can, and each file system has its share of variants.
func TestAShortLookSeesEveryRuleEverywhereAndEveryVariantSomewhere(t *testing.T) {
	units, err := Plan(cases.Catalogue(), Selection{})
	if err != nil {
		t.Fatal(err)
	}
	seen := func(left []bool) map[string]int {
		n := map[string]int{}
		for i, u := range units {
			if len(triable(units[i:i+1], "vm", "6.12.117")) == 1 && !left[i] {
				n[u.CaseName()]++
				n[u.Case.ID+" on "+u.FS.String()]++
				n[u.FS.String()]++
			}
		}
		return n
	}
	kept, all := seen(Spread(units, "vm", "6.12")), seen(make([]bool, len(units)))
	sum := 0
	for part := range all {
		if kept[part] == 0 {
			t.Errorf("%s is left out", part)
		}
	}
	for _, s := range fsys.Defaults() {
		sum += kept[s.String()]
		t.Logf("%s: %d of %d that it can try", s, kept[s.String()], all[s.String()])
		if kept[s.String()] < 100 {
			t.Errorf("%s has %d units", s, kept[s.String()])
		}
	}
	if sum > len(units)*3/5 {
		t.Errorf("%d of %d units are left in", sum, len(units))
	}
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
