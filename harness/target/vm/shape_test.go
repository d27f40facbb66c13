package vm

import (
	"strings"
	"testing"

	"github.com/iomapcheck/iomapcheck/harness/fsys"
	"github.com/iomapcheck/iomapcheck/harness/prog"
	"github.com/iomapcheck/iomapcheck/harness/wire"
	"github.com/iomapcheck/iomapcheck/vmimage/qemu"
)

func parseSpec(t *testing.T, name string) fsys.Spec {
	t.Helper()
	s, err := fsys.Parse(name)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestFileSystemsShareAShapeUnlessTheirDevicesDiffer(t *testing.T) {
	names := map[string]string{}
	for _, s := range fsys.All() {
		shape := shapeOf(s)
		if other, ok := names[shape.String()]; ok && shapeOf(parseSpec(t, other)) != shape {
			t.Errorf("%s and %s have different shapes of one name, %s", s, other, shape)
		}
		names[shape.String()] = s.String()
	}
	for a, want := range map[string]map[string]bool{
		"xfs":     {"ext4": true, "bcachefs": true, "xfs/4kn": false, "xfs/logdev": false, "xfs/dax": false, "xfs/rt": false, "zonefs": false},
		"xfs/4kn": {"ext4/4kn": true}, "xfs/dax": {"ext4/dax": true}, "zonefs": {"zonefs/512": false, "zonefs/conventional": false},
	} {
		for b, same := range want {
			if got := shapeOf(parseSpec(t, a)) == shapeOf(parseSpec(t, b)); got != same {
				t.Errorf("%s and %s have the same shape: %t, want %t", a, b, got, same)
			}
		}
	}
}

// Fences are read at the file system's device's end, and counted out at the disk's.
func TestTheFileSystemsDiskEndsWhereTheProgrammableDiskDoes(t *testing.T) {
	const size = 512 << 20
	for _, s := range fsys.All() {
		for _, d := range shapeOf(s).devices(size, nil, files{}) {
			switch d := d.(type) {
			case qemu.NBDParts:
				if p := d.Parts[0]; p.Off+p.Size != size || p.Off != d.Parts[1].Size || d.Parts[1].Off != 0 || p.Size < s.MinDevice() {
					t.Errorf("%s: parts %+v", s, d.Parts)
				}
			case qemu.ZonedNBD:
				if p := d.Part; p.Off+p.Size != size || p.Size%d.Zone != 0 || p.Size < s.MinDevice() {
					t.Errorf("%s: %+v", s, d)
				}
			}
		}
	}
}

func TestWhatHasNoRequestsTakesNoProgramThatHoldsThem(t *testing.T) {
	for _, c := range []struct{ fs, program, why string }{
		{"xfs", "hold writes f 0 4k\n", ""},
		{"zonefs", "hold writes f 0 4k\n", ""},
		{"xfs/logdev", "fail writes EIO\n", ""},
		{"xfs/dax", "read f 0 4k\n", ""},
		{"xfs/dax", "hold writes f 0 4k\n", "copied to and from"},
		{"zonefs/conventional", "fail writes EIO\n", "null_blk"},
		{"ext4/dax", "go w: hold flushes\n", "copied to and from"},
		{"zonefs", "cut\n", "sequential zones would not outlive the machine"},
		{"ext4/dax", "cut\n", "persistent memory would not outlive the machine"},
		{"xfs/logdev", "cut\n", ""},
		{"xfs/rt", "cut\n", "persistent memory would not outlive the machine"},
		{"xfs/rt", "hold writes f 0 4k\n", ""},
	} {
		p, err := prog.Parse(c.program)
		if err != nil {
			t.Fatal(err)
		}
		if why := shapeOf(parseSpec(t, c.fs)).lacks(p); (why == "") != (c.why == "") || !strings.Contains(why, c.why) {
			t.Errorf("%s: %q lacks %q, want %q", c.fs, c.program, why, c.why)
		}
	}
}

func TestShapesSayWhatTheGuestHasToDo(t *testing.T) {
	for _, c := range []struct {
		fs, path, folder string
		dax, zones, snap bool
	}{
		{"xfs/logdev", "/dev/vda", "", false, false, true},
		{"ext4/dax", "/dev/pmem0", "", true, false, true},
		{"xfs/rt", "/dev/vda", "", false, false, true},
		{"zonefs/512", "/dev/nvme0n1", "seq", false, false, false},
		{"zonefs/conventional", "/dev/nullb0", "cnv", false, true, true},
	} {
		shape, p := shapeOf(parseSpec(t, c.fs)), &wire.Prepare{}
		shape.furnish(p)
		if shape.path() != c.path || p.Folder != c.folder || p.DAX != c.dax || (p.Zones != nil) != c.zones || shape.snapshots() != c.snap {
			t.Errorf("%s: %s, snapshots %t, %+v", c.fs, shape.path(), shape.snapshots(), p)
		}
	}
}
