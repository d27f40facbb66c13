package campaign

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/iomapcheck/iomapcheck/cases"
	"github.com/iomapcheck/iomapcheck/harness/fsys"
	"github.com/iomapcheck/iomapcheck/harness/prog"
	"github.com/iomapcheck/iomapcheck/vmimage/kernel"
)

// releases are those that the rows were written for: measured, or read in the source.
func releases() []string { return []string{"5.10", "6.1.180", "6.12.117", "7.2.13", "7.3", "6.17.13"} }

func TestARowsFileSystemIsEveryVariantOneOrThePlainForm(t *testing.T) {
	all := fsys.All()
	for fs, want := range map[string]string{
		"gfs2": "gfs2, gfs2/1k, gfs2/jdata, gfs2/quota", "gfs2/": "gfs2", "gfs2/1k": "gfs2/1k", "btrfs": "btrfs, btrfs/nodatasum, btrfs/compress", "btrfs/": "btrfs",
		"ext4/journal": "ext4/journal", "gfs": "", "gfs2/2k": "", "": "", "/1k": "", "1k": "",
	} {
		var got []string
		for _, s := range all {
			if (place{fs: s.Name(), form: s.VariantName()}).on(fs) {
				got = append(got, s.String())
			}
		}
		if strings.Join(got, ", ") != want {
			t.Errorf("a row for %q is for %q, want %q", fs, got, want)
		}
	}
}

func TestTheEngineIsTheNewestOfItsSeries(t *testing.T) {
	row := prog.Row{Since: "6.15", Backports: []string{"6.12.30"}, Why: "why", Kernel: "fn", Unsupported: "so"}
	u := Unit{Case: prog.Case{ID: "t/c", Rows: []prog.Row{row}}, Variant: prog.Variant{Program: prog.New(prog.Fsync("f"))}}
	for _, c := range []struct {
		target, release string
		want            bool
	}{{"refengine", "6.12", true}, {"refengine", "6.12.29", false}, {"refengine", "6.14", false}, {"vm", "6.12", false}} {
		if _, got, err := u.program(c.target, c.release); err != nil || (got != nil) != c.want {
			t.Errorf("%s as %s: row %v, %v; want %t", c.target, c.release, got, err, c.want)
		}
	}
}

func TestARowAboutPressureIsForMemoryThatIsShort(t *testing.T) {
	u := rowUnit(t, prog.Row{Pressure: true, Why: "short", Kernel: "fn"}, prog.Row{Why: "enough", Kernel: "fn"})
	for dial, want := range map[prog.Dial]string{prog.DialNone: "enough", prog.DialMax: "short", prog.DialReclaim: "short"} {
		u.Pressure = dial
		if _, row, err := u.program("vm", "6.12"); err != nil || row == nil || row.Why != want {
			t.Errorf("pressure %q: row %+v, %v; want %s", dial, row, err, want)
		}
	}
}

func TestABackportCountsInItsOwnSeriesOnly(t *testing.T) {
	row := prog.Row{Since: "6.15", Backports: []string{"6.6.90", "6.12.30"}, Before: "7.3"}
	for release, want := range map[string]bool{
		"6.1.180": false, "6.6.89": false, "6.6.90": true, "6.7": false, "6.11.99": false, "6.12": false, "6.12.29": false,
		"6.12.30-rc1": false, "6.12.30": true, "6.12.117+deb12-amd64": true, "6.13.40": false, "6.14.99": false, "6.15-rc7": false,
		"6.15": true, "7.2.13": true, "7.3": false, "6.1.0-56-amd64": false,
	} {
		v, err := kernel.ParseVersion(release)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := covers(&row, v); err != nil || got != want {
			t.Errorf("%s: %t, %v; want %t", release, got, err, want)
		}
	}
}

func TestABoundThatIsNoVersionIsAnError(t *testing.T) {
	for _, row := range []prog.Row{{Since: "six"}, {Before: "six"}, {Since: "6.15", Backports: []string{"6.12.y"}}} {
		if p, _, err := rowUnit(t, row).program("vm", "6.12.117"); err == nil {
			t.Errorf("%+v was accepted: %s", row, p)
		}
	}
}

// unreached names the rows of a case, and the file systems in them, that no unit meets on any target and release: another row
// comes first, or they speak of what does not exist.
func unreached(t *testing.T, c prog.Case) []string {
	t.Helper()
	met := map[string]bool{}
	for _, s := range fsys.All() {
		for _, v := range c.Variants {
			rows := append(rowsMet(t, Unit{Case: c, Variant: v, FS: s}), rowsMet(t, Unit{Case: c, Variant: v, FS: s, Pressure: prog.DialMax})...)
			for _, row := range rows {
				for _, name := range rowNames(c, row, place{fs: s.Name(), form: s.VariantName()}.on) {
					met[name] = true
				}
			}
		}
	}
	var out []string
	for i := range c.Rows {
		out = append(out, rowNames(c, &c.Rows[i], func(string) bool { return true })...)
	}
	return slices.DeleteFunc(out, func(name string) bool { return met[name] })
}

// rowsMet lists the rows that change a unit on some target and release.
func rowsMet(t *testing.T, u Unit) []*prog.Row {
	t.Helper()
	var out []*prog.Row
	for _, target := range TargetNames() {
		for _, release := range releases() {
			_, row, err := u.program(target, release)
			if err != nil {
				t.Fatal(err)
			}
			if row != nil {
				out = append(out, row)
			}
		}
	}
	return out
}

// rowNames names a row of the case, and it on each of those of its file systems that are meant.
func rowNames(c prog.Case, row *prog.Row, meant func(fs string) bool) []string {
	var out []string
	for i := range c.Rows {
		if &c.Rows[i] != row {
			continue
		}
		out = append(out, fmt.Sprint("row ", i))
		for _, fs := range row.FS {
			if meant(fs) {
				out = append(out, fmt.Sprint("row ", i, " on ", fs))
			}
		}
	}
	return out
}

func TestEveryRowOfTheCatalogueIsReached(t *testing.T) {
	for _, c := range cases.Catalogue() {
		if rows := unreached(t, c); len(rows) > 0 {
			t.Errorf("%s: nothing meets %q", c.ID, rows)
		}
	}
}

func TestARowThatNothingMeetsIsFound(t *testing.T) {
	for want, rows := range map[string][]prog.Row{
		"":                                    {{FS: []string{"btrfs/"}, Since: "6.15", Before: "7.3"}, {FS: []string{"btrfs"}}},
		"row 1, row 1 on btrfs/nodatasum":     {{FS: []string{"btrfs"}}, {FS: []string{"btrfs/nodatasum"}}},
		"row 1 on btrfs/":                     {{FS: []string{"btrfs"}}, {FS: []string{"xfs", "btrfs/"}}},
		"row 0":                               {{Since: "7.3", Before: "6.15"}},
		"row 0 on gfs2/2k":                    {{FS: []string{"gfs2", "gfs2/2k"}}},
		"row 0, row 0 on ext4/jdata":          {{FS: []string{"ext4/jdata"}}},
		"row 1":                               {{}, {Pressure: true}},
		"row 0, row 1":                        {{Variants: []string{"w"}}, {Target: "guest"}},
		"row 1, row 1 on xfs, row 1 on gfs2/": {{}, {FS: []string{"xfs", "gfs2/"}, Since: "6.15"}},
	} {
		u := rowUnit(t, rows...)
		u.Case.Variants = []prog.Variant{u.Variant}
		if got := strings.Join(unreached(t, u.Case), ", "); got != want {
			t.Errorf("%+v: found %q, want %q", rows, got, want)
		}
	}
}

// The reader of the variant part has copied the first folio before the truncate comes, unless reclaim took it first.
func TestAReadThatATruncateOvertakesHasItsFirstFolioWhereMemoryIsNotShort(t *testing.T) {
	for name, want := range map[string][]int64{
		"foliolock/read-against-truncate~part@ext4":      {4096, 8192},
		"foliolock/read-against-truncate~part+max@ext4":  {512, 4096, 8192},
		"foliolock/read-against-truncate~part+hog@btrfs": {512, 4096, 8192},
		"foliolock/read-against-truncate~short@ext4":     {512, 4096, 8192},
		"foliolock/read-against-truncate~part@xfs":       {8192},
		"foliolock/read-against-truncate~part+max@gfs2":  {8192},
	} {
		u, err := ParseName(cases.Catalogue(), name)
		if err != nil {
			t.Fatal(err)
		}
		p, _, err := u.program("vm", "6.12.117")
		if err != nil {
			t.Fatal(err)
		}
		if read, _ := p.Find("read"); !slices.Equal(read.Op.Expect.Counts, want) {
			t.Errorf("%s: the read may return %v, want %v", name, read.Op.Expect.Counts, want)
		}
	}
}

// The catalogue's rows, cell by cell: a word of the row's reason, "-" where the case stands as it is.
func TestEachCellHasTheRowThatIsMeantForIt(t *testing.T) {
	want := map[string][4]string{ // by release, as in releases()[1:5]
		"coherence/post-write-invalidation@xfs":               {"-", "-", "-", "-"},
		"coherence/post-write-invalidation@ext4/1k":           {"-", "-", "-", "-"},
		"coherence/post-write-invalidation@ext4/journal":      {"journalled", "journalled", "journalled", "journalled"},
		"coherence/post-write-invalidation@btrfs":             {"ordered", "checksums", "checksums", "ordered"},
		"coherence/post-write-invalidation@btrfs/nodatasum":   {"ordered", "ordered", "ordered", "ordered"},
		"coherence/post-write-invalidation@gfs2":              {"glock", "glock", "glock", "glock"},
		"coherence/post-write-invalidation@gfs2/1k":           {"glock", "glock", "glock", "glock"},
		"fallback/redirty-during-writeback@xfs/1k":            {"-", "-", "-", "-"},
		"fallback/redirty-during-writeback@ext4/journal":      {"journalled", "journalled", "journalled", "journalled"},
		"fallback/redirty-during-writeback@btrfs":             {"under writeback", "checksums", "checksums", "under writeback"},
		"fallback/redirty-during-writeback@btrfs/nodatasum":   {"under writeback", "under writeback", "under writeback", "under writeback"},
		"fallback/redirty-during-writeback@gfs2/1k":           {"glock", "glock", "glock", "glock"},
		"progress/truncate-waits-for-dio~aio@btrfs":           {"extent tree", "-", "-", "-"},
		"progress/truncate-waits-for-dio~sync@btrfs":          {"-", "-", "-", "-"},
		"progress/truncate-waits-for-dio~aio@gfs2":            {"-", "-", "-", "-"},
		"progress/truncate-waits-for-dio~sync@gfs2/1k":        {"glock", "glock", "glock", "glock"},
		"progress/truncate-waits-for-dio~sync@ext4/journal":   {"journalled", "journalled", "journalled", "journalled"},
		"progress/truncate-waits-for-dio~aio@ext4":            {"-", "-", "-", "-"},
		"progress/truncate-waits-for-dio~sync@xfs":            {"-", "-", "-", "-"},
		"progress/truncate-waits-for-dio~aio@btrfs/nodatasum": {"extent tree", "-", "-", "-"},
	}
	for name, words := range want {
		u, err := ParseName(cases.Catalogue(), name)
		if err != nil {
			t.Fatal(err)
		}
		for i, release := range releases()[1:5] {
			_, row, err := u.program("vm", release)
			if err != nil || (row == nil) != (words[i] == "-") || row != nil && !strings.Contains(row.Why, words[i]) {
				t.Errorf("%s on %s: row %+v, %v; want %s", name, release, row, err, words[i])
			}
		}
	}
}
