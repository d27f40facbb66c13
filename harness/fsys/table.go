package fsys

// MiB in bytes.
const MiB = 1 << 20

// Table lists the file systems.
func Table() []FS { return []FS{xfs(), ext4(), btrfs(), gfs2()} }

// xfs has the smallest log and device that mkfs.xfs takes since 5.19 (it refuses file systems under 300 MiB, logs under 64 MiB).
func xfs() FS {
	return FS{
		Name: "xfs", Type: "xfs", Modules: []string{"xfs"}, MinDevice: 300 * MiB,
		mkfs: []string{"mkfs.xfs", "-q", "-f", "-K", "-b", "size=" + block, "-m", "uuid=" + uuid, "-l", "size=64m", device},
		Variants: []Variant{
			{BlockSize: 4096, Why: "iomap for everything, fallback without a flush"},
			{Name: "1k", BlockSize: 1024, Why: "several blocks in a folio: per-block state, zeroing around a write"},
		},
	}
}

// ext4 has a small journal and few inodes, both zeroed by mkfs: lazy initialization would leave a kernel thread writing, and a journal
// that was not zeroed may be replayed from what a power cut left of an older one.
func ext4() FS {
	return FS{
		Name: "ext4", Type: "ext4", Modules: []string{"ext4"}, MinDevice: 64 * MiB,
		mkfs: []string{"mkfs.ext4", "-q", "-F", "-b", block, "-N", "4096", "-J", "size=16", "-U", uuid,
			"-E", "nodiscard,lazy_itable_init=0,lazy_journal_init=0,hash_seed=" + uuid, device},
		Variants: []Variant{
			{BlockSize: 4096, Why: "direct I/O by iomap, buffered by buffer heads, fallback with a flush"},
			{Name: "1k", BlockSize: 1024, Why: "several blocks in a folio: zeroing around a write, post-EOF bytes"},
			{Name: "journal", BlockSize: 4096, options: []string{"data=journal"}, Why: "data=journal: O_DIRECT is done buffered"},
		},
	}
}

// btrfs keeps one copy of everything, so that a range of a file is at one place.
func btrfs() FS {
	return FS{
		Name: "btrfs", Type: "btrfs", Modules: []string{"btrfs"}, MinDevice: 128 * MiB,
		mkfs: []string{"mkfs.btrfs", "-q", "-f", "-K", "-s", block, "-d", "single", "-m", "single", "-U", uuid, device},
		Variants: []Variant{
			{BlockSize: 4096, Why: "checksummed data: since 6.15 (and 6.12.y) direct writes are done buffered, until 7.3"},
			{Name: "nodatasum", BlockSize: 4096, options: []string{"nodatasum"}, Why: "without checksums direct writes are direct"},
		},
	}
}

// gfs2 runs on one node without a lock manager, with the smallest journal. Format 1801, because 5.10 refuses to mount 1802, the default
// of gfs2-utils 3.5; it adds only trusted extended attributes.
func gfs2() FS {
	return FS{
		Name: "gfs2", Type: "gfs2", Modules: []string{"gfs2"}, MinDevice: 64 * MiB,
		mkfs:    []string{"mkfs.gfs2", "-q", "-O", "-K", "-o", "format=1801", "-b", block, "-p", "lock_nolock", "-j", "1", "-J", "8", "-U", uuid, device},
		options: []string{"lockproto=lock_nolock"},
		Variants: []Variant{
			{BlockSize: 4096, Why: "cluster locks: changing to direct I/O drops the file's whole cache"},
			{Name: "1k", BlockSize: 1024, Why: "several blocks in a folio"},
		},
	}
}
