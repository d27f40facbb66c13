package around

import (
	"maps"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/iomapcheck/iomapcheck/harness/fsys"
)

// A file as its users have it: a section for each configuration, what is the same for all in the first.
const sections = `
# common
[xfs_4k]
FSTYP=xfs
TEST_DEV=/dev/sdb1
TEST_DIR=/mnt/test
SCRATCH_DEV=/dev/sdb2
SCRATCH_MNT=/mnt/scratch
RESULT_BASE="/var/results"
TIME_FACTOR=2
MKFS_OPTIONS='-f -m reflink=1,rmapbt=1'   # trailing comment

[xfs_logdev]
USE_EXTERNAL=yes
SCRATCH_LOGDEV=/dev/sdc

[xfs_dax]
MOUNT_OPTIONS = "-o dax=never"
USE_EXTERNAL=no

[ext4_1k]
FSTYP=ext4
MKFS_OPTIONS="-b 1024"

[nfs]
FSTYP=nfs
`

func TestSectionsBecomeColumnsAsXfstestsReadsThem(t *testing.T) {
	got, err := ReadConfig(sections)
	if err != nil {
		t.Fatal(err)
	}
	options := "-f -m reflink=1,rmapbt=1"
	want := []Column{
		{Name: "xfs_4k", FSType: "xfs", Keys: map[string]string{"TIME_FACTOR": "2", "MKFS_OPTIONS": options}},
		{Name: "xfs_logdev", FSType: "xfs", Keys: map[string]string{"TIME_FACTOR": "2", "MKFS_OPTIONS": options, "USE_EXTERNAL": "yes"},
			Unsupported: "USE_EXTERNAL=yes needs disks for logs; there are TEST and SCRATCH"},
		{Name: "xfs_dax", FSType: "xfs", Keys: map[string]string{"TIME_FACTOR": "2", "MKFS_OPTIONS": options, "MOUNT_OPTIONS": "-o dax=never", "USE_EXTERNAL": "no"}},
		// Another FSTYP: what was said for xfs is forgotten, TIME_FACTOR is not.
		{Name: "ext4_1k", FSType: "ext4", Keys: map[string]string{"TIME_FACTOR": "2", "MKFS_OPTIONS": "-b 1024"}},
		{Name: "nfs", FSType: "nfs", Keys: map[string]string{"TIME_FACTOR": "2"}, Unsupported: "the userland has no tools for FSTYP=nfs"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestAFileWithoutSectionsIsOneColumn(t *testing.T) {
	got, err := ReadConfig("export FSTYP=btrfs\nexport TEST_DEV=/dev/vdb\nexport MOUNT_OPTIONS='-o nodatasum'\n")
	want := []Column{{Name: "config", FSType: "btrfs", Keys: map[string]string{"MOUNT_OPTIONS": "-o nodatasum"}}}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Error(diff, err)
	}
}

func TestWhatOnlyAShellUnderstandsIsRefusedWithItsLine(t *testing.T) {
	for text, want := range map[string]string{
		"[a]\nFSTYP=xfs\nTEST_DEV=$DISK\n": "line 3:", "[a]\nA=`date`\n": "line 2:", "[a]\nif true; then\n": "line 2:",
	} {
		if _, err := ReadConfig(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want an error at %s", text, err, want)
		}
	}
}

func TestAWrittenConfigReadsBackAsItsColumn(t *testing.T) {
	for _, spec := range fsys.All() {
		c := ColumnOf(spec)
		got, err := ReadConfig(c.Config())
		if err != nil {
			t.Fatalf("%s: %v\n%s", spec, err, c.Config())
		}
		if len(got) != 1 || got[0].FSType != c.FSType || !maps.Equal(got[0].Keys, c.Keys) {
			t.Errorf("%s: wrote %v, read %v", spec, c, got)
		}
		for _, key := range []string{"TEST_DEV='@TEST_DEV@'", "SCRATCH_DEV='@SCRATCH_DEV@'", "TEST_DIR='/mnt/test'"} {
			if !strings.Contains(c.Config(), "export "+key+"\n") {
				t.Errorf("%s: no %s in\n%s", spec, key, c.Config())
			}
		}
	}
}

func TestOurFileSystemsBecomeXfstestsOptions(t *testing.T) {
	for name, want := range map[string]struct{ mkfs, mount, unsupported string }{
		"xfs":             {mkfs: "-b size=4096 -i nrext64=0"},
		"xfs/1k":          {mkfs: "-b size=1024 -i nrext64=0"},
		"xfs/reflink":     {mkfs: "-b size=4096 -i nrext64=0 -m reflink=1"},
		"ext4":            {mkfs: "-b 4096"},
		"ext4/journal":    {mkfs: "-b 4096", mount: "-o data=journal"},
		"ext4/inline":     {mkfs: "-b 4096 -O inline_data"},
		"btrfs/nodatasum": {mount: "-o nodatasum"},
		"xfs/logdev":      {mkfs: "-b size=4096 -i nrext64=0", mount: "-o logdev=/dev/vdb", unsupported: "second disk for the log"},
		"ext4/dax":        {mkfs: "-b 4096", mount: "-o dax=always", unsupported: "persistent memory"},
		"gfs2":            {mount: "-o lockproto=lock_nolock", unsupported: "no tools for gfs2"},
	} {
		spec, err := fsys.Parse(name)
		if err != nil {
			t.Fatal(err)
		}
		c := ColumnOf(spec)
		if c.Keys["MKFS_OPTIONS"] != want.mkfs || c.Keys["MOUNT_OPTIONS"] != want.mount || (c.Unsupported == "") != (want.unsupported == "") ||
			!strings.Contains(c.Unsupported, want.unsupported) {
			t.Errorf("%s: %+v, want %+v", name, c, want)
		}
	}
}

func FuzzReadConfig(f *testing.F) {
	f.Add(sections)
	f.Add("export A='b c'\n")
	f.Fuzz(func(t *testing.T, text string) {
		columns, err := ReadConfig(text)
		if err != nil {
			return
		}
		for _, c := range columns {
			if strings.Contains(c.Config(), `'\''`) {
				continue // only a shell reads that
			}
			got, err := ReadConfig(c.Config())
			if err != nil || len(got) != 1 || got[0].FSType != c.FSType || !maps.Equal(got[0].Keys, c.Keys) {
				t.Errorf("wrote %+v, read %+v, %v", c, got, err)
			}
		}
	})
}
