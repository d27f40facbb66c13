package fsys

import "testing"

func TestAMountedFileSystemIsRecognisedByItsOptionsAndBlockSize(t *testing.T) {
	for _, c := range []struct {
		kind, options string
		block         int64
		want          string
	}{
		{"xfs", "rw,relatime,inode64,logbufs=8", 4096, "xfs"},
		{"xfs", "rw,relatime", 1024, "xfs/1k"},
		{"xfs", "rw", 2048, "xfs"},
		{"xfs", "rw,dax=always", 4096, "xfs/dax"},
		{"ext4", "rw,data=journal", 4096, "ext4/journal"},
		{"ext4", "rw,relatime", 1024, "ext4/1k"},
		{"btrfs", "rw,nodatasum,space_cache=v2", 4096, "btrfs/nodatasum"},
		{"btrfs", "rw,compress=zstd:3", 4096, "btrfs/compress"},
		{"btrfs", "rw,ssd", 4096, "btrfs"},
	} {
		got, err := Recognise(c.kind, c.options, c.block)
		if err != nil || got.String() != c.want || got.BlockSize() != c.block {
			t.Errorf("%s of %d with %s: %s of %d, %v; want %s", c.kind, c.block, c.options, got, got.BlockSize(), err, c.want)
		}
	}
	if _, err := Recognise("overlay", "rw", 4096); err == nil {
		t.Error("overlay is recognised")
	}
}
