package kernel

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/iomapcheck/iomapcheck/vmimage/apt"
	"github.com/iomapcheck/iomapcheck/vmimage/cache"
)

func TestCachedKernelsAreListedNewestFirstWithoutTheDamaged(t *testing.T) {
	dir := cache.Dir(t.TempDir())
	for name, image := range map[string]string{
		"6.1.0-9-amd64_6.1.27-1": "vmlinuz-6.1.0-9-amd64", "6.1.0-10-amd64_6.1.38-1": "vmlinuz-6.1.0-10-amd64",
		"file_0123": "vmlinuz-6.12.1", "6.13.1-amd64_6.13.1-1": "", "7.2-amd64_7.2-1": "",
	} {
		boot := dir.Path(class, name, "boot")
		if err := os.MkdirAll(boot, 0o755); err != nil {
			t.Fatal(err)
		}
		if image != "" {
			if err := os.WriteFile(filepath.Join(boot, image), nil, 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	beside := dir.Path(class, "7.2-amd64_7.2-1", "usr/lib/modules/7.2-amd64")
	if err := errors.Join(os.MkdirAll(beside, 0o755), os.WriteFile(filepath.Join(beside, "vmlinuz"), nil, 0o644)); err != nil {
		t.Fatal(err)
	}
	got, err := Resolver{Cache: dir}.Cached()
	want := []Cached{
		{"7.2-amd64", "7.2-1", dir.Path(class, "7.2-amd64_7.2-1")},
		{"6.12.1", "", dir.Path(class, "file_0123")},
		{"6.1.0-10-amd64", "6.1.38-1", dir.Path(class, "6.1.0-10-amd64_6.1.38-1")},
		{"6.1.0-9-amd64", "6.1.27-1", dir.Path(class, "6.1.0-9-amd64_6.1.27-1")},
	}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("Cached: %v\n%s", err, diff)
	}
}

// offering is an archive that has packages of these names.
type offering struct {
	names []string
	whole bool // whether the modules of 6.13.1 are there
}

func (o offering) Current() (time.Time, bool) { return time.Time{}, false }

func (o offering) Names(context.Context, string) ([]string, error) { return slices.Clone(o.names), nil }

// Depends has the meta-package stand for another, and of 6.13 something missing.
func (o offering) Depends(_ context.Context, packages []string) (map[string][]apt.Dependency, error) {
	return map[string][]apt.Dependency{
		"linux-image-6.12-amd64":   {{Name: "linux-image-6.12.117+deb12-amd64", Offered: true}},
		"linux-image-6.14-amd64":   {{Name: "linux-image-6.14.1-amd64"}},
		"linux-image-6.13.2-amd64": {{Name: "linux-modules-6.13.2-amd64"}},
		"linux-image-6.13.1-amd64": {{Name: "linux-modules-6.13.1-amd64", Offered: o.whole}},
		"linux-image-7.3-amd64":    {{Name: "linux-modules-7.3-amd64", Offered: true}},
	}, nil
}

func (o offering) Plan(_ context.Context, packages []string, _ bool) ([]apt.Deb, error) {
	var debs []apt.Deb
	for _, name := range packages {
		debs = append(debs, apt.Deb{Name: name, Version: "of " + name, Size: 7})
	}
	return debs, nil
}

func (o offering) Fetch(context.Context, []apt.Deb) error { panic("an offer is not to be fetched") }

func TestTheNewestStandardKernelOfEachSeriesIsOffered(t *testing.T) {
	archive := offering{names: []string{
		"linux-image-6.1.0-9-amd64", "linux-image-6.1.0-10-amd64", "linux-image-6.1.0-11-rt-amd64", "linux-image-7.3-amd64",
		"linux-image-6.12.117+deb12-amd64", "linux-image-6.12-amd64", "linux-image-6.12.118+deb12-cloud-amd64",
		"linux-image-6.13.1-amd64", "linux-image-6.13.2-amd64", "linux-image-6.14-amd64",
	}}
	rest := []Offer{
		{"6.12", "6.12.117+deb12-amd64", "of linux-image-6.12.117+deb12-amd64", 7, nil},
		{"6.1", "6.1.0-10-amd64", "of linux-image-6.1.0-10-amd64", 7, nil},
	}
	candidate := Offer{"7.3", "7.3-amd64", "of linux-modules-7.3-amd64", 14, nil}
	for whole, want := range map[bool]Offer{
		true:  {"6.13", "6.13.1-amd64", "of linux-modules-6.13.1-amd64", 14, nil},
		false: {"6.13", "6.13.2-amd64", "", 0, []string{"linux-modules-6.13.2-amd64"}},
	} {
		archive.whole = whole
		got, err := Resolver{Archive: archive}.Offered(t.Context())
		if diff := cmp.Diff(append([]Offer{candidate, want}, rest...), got); err != nil || diff != "" {
			t.Errorf("Offered: %v\n%s", err, diff)
		}
	}
}
