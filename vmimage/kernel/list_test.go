package kernel

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/iomapcheck/iomapcheck/vmimage/apt"
	"github.com/iomapcheck/iomapcheck/vmimage/cache"
)

func TestCachedKernelsAreListedNewestFirstWithoutTheDamaged(t *testing.T) {
	dir := cache.Dir(t.TempDir())
	for name, image := range map[string]string{
		"6.1.0-9-amd64_6.1.27-1": "vmlinuz-6.1.0-9-amd64", "6.1.0-10-amd64_6.1.38-1": "vmlinuz-6.1.0-10-amd64",
		"file_0123": "vmlinuz-6.12.1", "6.13.1-amd64_6.13.1-1": "",
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
	got, err := Resolver{Cache: dir}.Cached()
	want := []Cached{
		{"6.12.1", "", dir.Path(class, "file_0123")},
		{"6.1.0-10-amd64", "6.1.38-1", dir.Path(class, "6.1.0-10-amd64_6.1.38-1")},
		{"6.1.0-9-amd64", "6.1.27-1", dir.Path(class, "6.1.0-9-amd64_6.1.27-1")},
	}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("Cached: %v\n%s", err, diff)
	}
}

// offering is an archive that has packages of these names.
type offering []string

func (o offering) Names(context.Context, string) ([]string, error) { return o, nil }

func (o offering) Plan(_ context.Context, packages []string, _ bool) ([]apt.Deb, error) {
	var debs []apt.Deb
	for _, name := range packages {
		debs = append(debs, apt.Deb{Name: name, Version: "of " + name, Size: 7})
	}
	return debs, nil
}

func (o offering) Fetch(context.Context, []apt.Deb) error { panic("an offer is not to be fetched") }

func TestTheNewestStandardKernelOfEachSeriesIsOffered(t *testing.T) {
	archive := offering{
		"linux-image-6.1.0-9-amd64", "linux-image-6.1.0-10-amd64", "linux-image-6.1.0-11-rt-amd64",
		"linux-image-6.12.117+deb12-amd64", "linux-image-6.12-amd64", "linux-image-6.12.118+deb12-cloud-amd64",
	}
	got, err := Resolver{Archive: archive}.Offered(t.Context())
	want := []Offer{
		{"6.12", "6.12.117+deb12-amd64", "of linux-image-6.12.117+deb12-amd64", 7},
		{"6.1", "6.1.0-10-amd64", "of linux-image-6.1.0-10-amd64", 7},
	}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("Offered: %v\n%s", err, diff)
	}
}
