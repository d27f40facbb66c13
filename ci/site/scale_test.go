package site

import (
	"io/fs"
	"path/filepath"
	"testing"
	"time"

	"github.com/iomapcheck/iomapcheck/cases"
	"github.com/iomapcheck/iomapcheck/ci/report"
	"github.com/iomapcheck/iomapcheck/harness/campaign"
	"github.com/iomapcheck/iomapcheck/harness/judge"
	"github.com/iomapcheck/iomapcheck/harness/runs"
)

// A site of so many verdicts, with a month of nights before, has to stay below so many bytes, whatever the verdicts are.
const (
	manyVerdicts = 5000
	nights       = stripRuns
	mostBytes    = 5 << 20
)

// many are verdicts of the catalogue's cases on five kernels and four file systems, as nights bring them: bad of each hundred fail, and two
// show nothing. Their texts and evidence are recorded ones.
func many(t testing.TB, bad int) []campaign.Verdict {
	t.Helper()
	recorded, err := runs.Read("../testdata/runs")
	if err != nil {
		t.Fatal(err)
	}
	sample := map[judge.Verdict]campaign.Verdict{}
	for _, r := range recorded {
		for _, v := range r.Verdicts {
			if v.Target == "vm" {
				sample[v.Verdict] = v
			}
		}
	}
	var out []campaign.Verdict
	for _, k := range [][2]string{{"5.10", "5.10.262"}, {"6.1", "6.1.192"}, {"6.12", "6.12.117+deb13-amd64"}, {"6.17", "6.17.13+deb13-amd64"}, {"7.2", "7.2.13+deb14-amd64"}} {
		for _, c := range cases.Catalogue() {
			for _, variant := range c.Variants {
				for _, fs := range []string{"btrfs", "ext4", "gfs2", "xfs"} {
					kind := judge.OK
					switch n := len(out) % 100; {
					case n < bad:
						kind = judge.Fail
					case n >= 98:
						kind = judge.Unexercised
					}
					v := sample[judge.OK]
					if kind == judge.Fail {
						v = sample[judge.Fail]
					}
					v.Case, v.Parameters, v.FS, v.Variant, v.Verdict = c.ID, map[string]string{"variant": variant.Name}, fs, "", kind
					v.KernelSpec, v.Kernel, v.Seconds = "debian:"+k[0], k[1], float64(len(out)%17)/10
					if out = append(out, v); len(out) == manyVerdicts {
						return out
					}
				}
			}
		}
	}
	t.Fatalf("the catalogue gives only %d verdicts", len(out))
	return nil
}

// month is a report of many verdicts, night by night.
func month(t testing.TB, bad int) *report.Report {
	t.Helper()
	verdicts := many(t, bad)
	var all []runs.Run
	for n := range nights {
		start := time.Date(2026, 11, 1+n, 1, 30, 0, 0, time.UTC)
		all = append(all, runs.Run{Title: start.Format("nightly-0102"), Info: runs.Info{Started: start}, Verdicts: verdicts})
	}
	return report.Build(all, cases.Catalogue())
}

// sizeOf is how many bytes the files of a folder have together, and how many the largest.
func sizeOf(t *testing.T, dir string) (sum, largest int64) {
	t.Helper()
	err := filepath.WalkDir(dir, func(_ string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		info, err := e.Info()
		if err == nil {
			sum, largest = sum+info.Size(), max(largest, info.Size())
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return sum, largest
}

func TestASiteOfFiveThousandVerdictsStaysSmall(t *testing.T) {
	for name, bad := range map[string]int{"as ever": 2, "a kernel that does nothing right": 98} {
		t.Run(name, func(t *testing.T) { small(t, month(t, bad)) })
	}
}

func small(t *testing.T, r *report.Report) {
	sum, largest := sizeOf(t, made(t, r, Options{}))
	t.Logf("%.1f MiB, the largest page %d KiB", float64(sum)/(1<<20), largest>>10)
	if sum > mostBytes {
		t.Errorf("the site has %d bytes, want at most %d", sum, mostBytes)
	}
	// A page of less than a mebibyte opens at once.
	if largest > 768<<10 {
		t.Errorf("a page has %d bytes", largest)
	}
}

func BenchmarkSiteOfFiveThousandVerdicts(b *testing.B) {
	r := month(b, 2)
	for b.Loop() {
		made(b, r, Options{})
	}
}

func BenchmarkReportOfFiveThousandVerdicts(b *testing.B) {
	verdicts := many(b, 2)
	catalogue := cases.Catalogue()
	for b.Loop() {
		report.Build([]runs.Run{{Verdicts: verdicts}}, catalogue)
	}
}
