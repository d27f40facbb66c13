package fsys

import (
	"regexp"
	"slices"
	"strings"
	"testing"
)

func TestEveryVariantParsesAndPrintsBack(t *testing.T) {
	seen := map[string]bool{}
	for _, s := range All() {
		got, err := Parse(s.String())
		if err != nil || got.String() != s.String() || got.Variant.BlockSize != s.Variant.BlockSize {
			t.Errorf("%s: parsed as %s, %v", s, got, err)
		}
		if seen[s.String()] || strings.Count(s.String(), "/") > 1 {
			t.Errorf("%s is there twice or cannot be told from others", s)
		}
		seen[s.String()] = true
	}
	for _, want := range []string{"xfs", "xfs/1k", "ext4", "ext4/1k", "ext4/journal", "btrfs", "btrfs/nodatasum", "gfs2", "gfs2/1k",
		"zonefs", "bcachefs", "xfs/dax", "xfs/reflink", "ext4/dax", "ext4/inline", "btrfs/compress", "gfs2/jdata", "zonefs/512",
		"zonefs/conventional", "xfs/4kn", "ext4/4kn", "xfs/logdev", "f2fs", "xfs/quota",
		"ext4/quota", "gfs2/quota", "xfs/rt"} {
		if !seen[want] {
			t.Errorf("%s is missing", want)
		}
	}
}

func TestParseNamesWhatThereIs(t *testing.T) {
	for in, want := range map[string]string{
		"":              "gfs2/1k",
		"ntfs":          "btrfs/nodatasum",
		"XFS":           "xfs/1k",
		"btrfs/":        "btrfs, btrfs/nodatasum",
		"btrfs/journal": "btrfs, btrfs/nodatasum",
		"xfs/1k/extra":  "xfs, xfs/1k",
		" xfs":          "xfs",
	} {
		if s, err := Parse(in); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Parse(%q) = %s, %v; want an error that names %s", in, s, err, want)
		}
	}
}

func TestEverySpecIsComplete(t *testing.T) {
	for _, s := range All() {
		if s.Name() == "" || s.KernelType() == "" || len(s.Modules()) == 0 || s.Variant.Why == "" {
			t.Errorf("%s: %+v", s, s)
		}
		if b := s.BlockSize(); b < 512 || b&(b-1) != 0 || s.MinDevice() < 16*MiB || s.MinDevice()%b != 0 {
			t.Errorf("%s: block size %d, device %d", s, b, s.MinDevice())
		}
	}
}

// flaw says what is wrong with a command template; "" if nothing is. mkzonefs has neither a UUID nor a block size to be given, f2fs has
// blocks of 4096 bytes only, and bcachefs discards nothing unless it is told to.
func flaw(fs FS) string {
	count := func(what string) int { return strings.Count(strings.Join(fs.mkfs, " "), what) }
	zones := fs.Name == "zonefs"
	switch {
	case count(device) != 1 || fs.mkfs[len(fs.mkfs)-1] != device:
		return "want the device once, as the last argument"
	case count(uuid) == 0 && !zones:
		return "the UUID is left to chance"
	case count(block) != 1 && !zones && fs.Name != "f2fs":
		return "want the block size once"
	case !slices.Contains(fs.mkfs, "-K") && count("nodiscard") == 0 && count("-t 0") == 0 && !zones && fs.Name != "bcachefs":
		return "it would discard the whole device"
	}
	return ""
}

func TestMkfsCommandsHaveOneDeviceAndNothingLeftToChance(t *testing.T) {
	for _, fs := range Table() {
		if f := flaw(fs); f != "" {
			t.Errorf("%s: %s", fs.Name, f)
		}
		for _, mutant := range [][]string{
			append(slices.Clone(fs.mkfs), device), fs.mkfs[:len(fs.mkfs)-1],
			strings.Fields(strings.ReplaceAll(strings.Join(fs.mkfs, " "), uuid, "x")),
		} {
			broken := fs
			broken.mkfs = mutant
			if flaw(broken) == "" && !slices.Equal(mutant, fs.mkfs) {
				t.Errorf("%s: a broken command passes: %q", fs.Name, mutant)
			}
		}
	}
}

func TestWhatNeedsMoreThanADiskSaysSoAndIsNeverADefault(t *testing.T) {
	for in, want := range map[string]string{
		"xfs": "", "zonefs": "zoned block device with sequential zones", "zonefs/512": "blocks of 512", "zonefs/conventional": "conventional zones",
		"ext4/dax": "persistent memory", "xfs/4kn": "sectors of 4096", "xfs/logdev": "second disk", "xfs/rt": "persistent memory beside", "bcachefs": "",
	} {
		s, err := Parse(in)
		if err != nil || (s.Needs() == "") != (want == "") || !strings.Contains(s.Needs(), want) {
			t.Errorf("%s needs %q, %v; want %q", in, s.Needs(), err, want)
		}
	}
	for _, s := range Defaults() {
		if s.Needs() != "" {
			t.Errorf("%s is tested by default but needs %s", s, s.Needs())
		}
	}
}

func TestTheLogIsOnItsOwnDeviceInMkfsAndMount(t *testing.T) {
	s, err := Parse("xfs/logdev")
	if err != nil {
		t.Fatal(err)
	}
	for want, at := range map[string]Spec{LogDevice: s, "/dev/sdc": s.WithLog("/dev/sdc")} {
		if line := strings.Join(at.Mkfs("/dev/vda"), " "); !strings.Contains(line, "logdev="+want) || at.MountOptions() != "logdev="+want {
			t.Errorf("want the log on %s: %s, mounted with %q", want, line, at.MountOptions())
		}
	}
}

func TestVariantsAddTheirOwnArgumentsAndAttributes(t *testing.T) {
	for in, want := range map[string]string{"xfs/reflink": "reflink=1", "ext4/inline": "inline_data", "ext4/quota": "-O quota"} {
		s, err := Parse(in)
		if err != nil || !strings.Contains(strings.Join(s.Mkfs("/dev/vda"), " "), want) {
			t.Errorf("%s: %q, %v", in, s.Mkfs("/dev/vda"), err)
		}
	}
	if s, _ := Parse("gfs2/jdata"); s.Attr() != "jdata" {
		t.Errorf("gfs2/jdata gives files the attribute %q", s.Attr())
	}
}

var uuidForm = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}`)

// withUUID are the file systems that mkfs gives one.
func withUUID() []FS {
	return slices.DeleteFunc(Table(), func(fs FS) bool {
		return !slices.ContainsFunc(fs.mkfs, func(a string) bool { return strings.Contains(a, uuid) })
	})
}

func TestMkfsIsTheSameEveryTimeAndUniqueForADevice(t *testing.T) {
	seen := map[string]string{}
	for _, s := range specs(withUUID()...) {
		for _, dev := range []string{"/dev/vda", "/dev/vdb"} {
			argv := s.Mkfs(dev)
			line := strings.Join(argv, " ")
			if line != strings.Join(s.Mkfs(dev), " ") || argv[len(argv)-1] != dev {
				t.Errorf("%s: %s", s, line)
			}
			if left := regexp.MustCompile(strings.Join([]string{device, uuid, block, extra, log}, "|")).FindString(line); left != "" {
				t.Errorf("%s: %s is left in %s", s, left, line)
			}
			id := uuidForm.FindString(line)
			if id == "" || seen[id] != "" {
				t.Errorf("%s on %s has the UUID %q of %s", s, dev, id, seen[id])
			}
			seen[id] = s.String() + " on " + dev
		}
	}
}

func TestMountOptionsJoinFileSystemAndVariant(t *testing.T) {
	for in, want := range map[string]string{
		"xfs": "", "ext4/journal": "data=journal", "btrfs/nodatasum": "nodatasum", "gfs2": "lockproto=lock_nolock", "gfs2/1k": "lockproto=lock_nolock", "btrfs/compress": "compress", "xfs/quota": "uquota",
		"ext4/quota": "usrquota", "gfs2/quota": "lockproto=lock_nolock,quota=on",
	} {
		s, err := Parse(in)
		if err != nil || s.MountOptions() != want {
			t.Errorf("%s: options %q, %v; want %q", in, s.MountOptions(), err, want)
		}
	}
}
