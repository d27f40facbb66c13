package kconfig

import (
	"regexp"
	"strings"
	"testing"
)

func TestTheFragmentSatisfiesItself(t *testing.T) {
	if lacks, err := Check(strings.NewReader(Fragment())); err != nil || len(lacks) != 0 {
		t.Errorf("lacks %v, %v", lacks, err)
	}
}

func TestEveryOptionSaysWhatItIsForOnce(t *testing.T) {
	seen := map[string]bool{}
	form := regexp.MustCompile(`^CONFIG_[A-Z0-9_]+$`)
	for _, o := range options() {
		if seen[o.Name] || !form.MatchString(o.Name) || o.Value != "y" && o.Value != "m" || !o.Needed() && !strings.HasPrefix(o.For, "for ") {
			t.Errorf("%+v", o)
		}
		seen[o.Name] = true
	}
	if len(seen) < 20 {
		t.Errorf("only %d options", len(seen))
	}
}

func TestWhatIsMissingAndWhatIsAModuleInsteadIsTold(t *testing.T) {
	config := Fragment()
	for from, to := range map[string]string{
		"CONFIG_PVH=y": "# CONFIG_PVH is not set", "CONFIG_VIRTIO_PCI=m": "CONFIG_VIRTIO_PCI=y", "CONFIG_DEVTMPFS=y": "CONFIG_DEVTMPFS=m",
		"CONFIG_XFS_FS=m": "", "CONFIG_XFS_DEBUG": "",
	} {
		config = strings.Replace(config, from, to, 1)
	}
	lacks, err := Check(strings.NewReader(config))
	want := "needed to run the guest: CONFIG_DEVTMPFS=y (not m); for a boot that skips the decompressor: CONFIG_PVH=y; for xfs: CONFIG_XFS_FS=m"
	if got := Describe(lacks); err != nil || got != want {
		t.Errorf("%q, %v\nwant %q", got, err, want)
	}
	if !lacks[0].Needed() || lacks[1].Needed() {
		t.Errorf("needed: %v", lacks)
	}
}
