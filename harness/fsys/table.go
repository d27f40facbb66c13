package fsys

// MiB in bytes.
const MiB = 1 << 20

// Table lists the file systems.
func Table() []FS { return []FS{xfs(), ext4(), btrfs(), gfs2(), zonefs(), bcachefs(), f2fs()} }

// xfs has the smallest log and device that mkfs.xfs takes since 5.19 (it refuses file systems under 300 MiB, logs under 64 MiB). Its extent
// counters are the narrow ones: kernels before 5.19 refuse to mount the wide ones, which mkfs.xfs makes by itself since 6.5.
func xfs() FS {
	return FS{
		Name: "xfs", Type: "xfs", Modules: []string{"xfs"}, MinDevice: 300 * MiB, Refuses: []string{"jdata"},
		mkfs: []string{"mkfs.xfs", "-q", "-f", "-K", "-b", "size=" + block, "-m", "uuid=" + uuid, "-i", "nrext64=0", "-l", "size=64m", extra, device},
		Variants: []Variant{
			{BlockSize: 4096, Why: "iomap for everything, fallback without a flush"},
			{Name: "1k", BlockSize: 1024, Why: "several blocks in a folio: per-block state, zeroing around a write"},
			{Name: "16k", BlockSize: 16384, Why: "blocks larger than pages, since 6.12: every folio has several pages"},
			{Name: "reflink", BlockSize: 4096, mkfs: []string{"-m", "reflink=1"}, Why: "shared extents, whatever mkfs takes for its default: writes to them go elsewhere"},
			{Name: "dax", BlockSize: 4096, mkfs: []string{"-m", "reflink=0"}, options: []string{"dax=always"}, Device: Device{Kind: PMem},
				Why: "no page cache: mappings are the storage, truncate waits for pinned pages"},
			{Name: "4kn", BlockSize: 4096, Device: Device{Sector: 4096}, Why: "sectors as large as blocks: direct I/O is of whole blocks"},
			{Name: "logdev", BlockSize: 4096, mkfs: []string{"-l", "logdev=" + log}, options: []string{"logdev=" + log}, Device: Device{Log: xfsLog},
				Why: "the log on a disk of its own: fsync flushes two disks, data first"},
			{Name: "rt", BlockSize: 4096, mkfs: []string{"-m", "reflink=0,rmapbt=0", "-r", "rtdev=" + rtDevice}, options: []string{"rtdev=" + rtDevice, "dax=always"}, Device: Device{RT: true},
				Why: "realtime files are DAX and others are not: the disk has requests in flight with pages of DAX files"},
			{Name: "quota", BlockSize: 4096, options: []string{"uquota"}, Why: "users' quotas: an allocation can fail that the disk has room for"},
		},
	}
}

// xfsLog is the size of xfs' log in bytes.
const xfsLog = 64 * MiB

// ext4 has a small journal and few inodes, both zeroed by mkfs: lazy initialization would leave a kernel thread writing, and a journal
// that was not zeroed may be replayed from what a power cut left of an older one.
func ext4() FS {
	return FS{
		Name: "ext4", Type: "ext4", Modules: []string{"ext4"}, MinDevice: 64 * MiB, Refuses: []string{"clone", "unshare"},
		mkfs: []string{"mkfs.ext4", "-q", "-F", "-b", block, "-N", "4096", "-J", "size=16", "-U", uuid,
			"-E", "nodiscard,lazy_itable_init=0,lazy_journal_init=0,hash_seed=" + uuid, extra, device},
		Variants: []Variant{
			{BlockSize: 4096, Why: "direct I/O by iomap, buffered by buffer heads, fallback with a flush"},
			{Name: "1k", BlockSize: 1024, Why: "several blocks in a folio: zeroing around a write, post-EOF bytes"},
			{Name: "journal", BlockSize: 4096, options: []string{"data=journal"}, Why: "data=journal: O_DIRECT is done buffered"},
			{Name: "inline", BlockSize: 4096, mkfs: []string{"-O", "inline_data"}, Why: "small files stand in the inode: O_DIRECT is done buffered while they do"},
			{Name: "dax", BlockSize: 4096, options: []string{"dax=always"}, Device: Device{Kind: PMem}, Why: "no page cache: mappings are the storage, truncate waits for pinned pages"},
			{Name: "4kn", BlockSize: 4096, Device: Device{Sector: 4096}, Why: "sectors as large as blocks: direct I/O is of whole blocks"},
			{Name: "quota", BlockSize: 4096, mkfs: []string{"-O", "quota"}, options: []string{"usrquota"}, modules: []string{"quota_v2"},
				Why: "users' quotas: an allocation can fail that the disk has room for"},
		},
	}
}

// btrfs keeps one copy of everything, so that a range of a file is at one place.
func btrfs() FS {
	return FS{
		Name: "btrfs", Type: "btrfs", Modules: []string{"btrfs"}, MinDevice: 128 * MiB, Refuses: []string{"jdata", "unshare"},
		mkfs: []string{"mkfs.btrfs", "-q", "-f", "-K", "-s", block, "-d", "single", "-m", "single", "-U", uuid, device},
		Variants: []Variant{
			{BlockSize: 4096, Why: "checksummed data: since 6.15 (and 6.12.77) direct writes are done buffered, until 7.3"},
			{Name: "nodatasum", BlockSize: 4096, options: []string{"nodatasum"}, Why: "without checksums direct writes are direct"},
			{Name: "compress", BlockSize: 4096, options: []string{"compress"}, Why: "compressed extents: direct reads and writes of them fall back"},
		},
	}
}

// gfs2 runs on one node without a lock manager, with the smallest journal. Format 1801, because 5.10 refuses to mount 1802, the default
// of gfs2-utils 3.5; it adds only trusted extended attributes.
func gfs2() FS {
	return FS{
		Name: "gfs2", Type: "gfs2", Modules: []string{"gfs2"}, MinDevice: 64 * MiB,
		Refuses:   []string{"clone", "unshare", "zero-range"},
		OpensWait: true, // gfs2_open_common: for the inode's glock
		mkfs:      []string{"mkfs.gfs2", "-q", "-O", "-K", "-o", "format=1801", "-b", block, "-p", "lock_nolock", "-j", "1", "-J", "8", "-U", uuid, device},
		options:   []string{"lockproto=lock_nolock"},
		Variants: []Variant{
			{BlockSize: 4096, Why: "cluster locks: changing to direct I/O drops the file's whole cache"},
			{Name: "1k", BlockSize: 1024, Why: "several blocks in a folio"},
			{Name: "jdata", BlockSize: 4096, Attr: "jdata", Why: "data go through the journal: O_DIRECT is refused or done buffered"},
			{Name: "quota", BlockSize: 4096, options: []string{"quota=on"}, Why: "users' quotas: an allocation can fail that the disk has room for"},
		},
	}
}

// zonefs shows the zones of a device as files. Its files cannot be created; how they are named in programs is the target's affair.
// mkzonefs resets every zone. It takes no UUID and has no block size of its own but the device's. By default the first write error makes
// the mount read-only (zonefs_handle_io_error); errors=repair only sets the file's size to where the zone's write pointer is.
func zonefs() FS {
	return FS{
		Name: "zonefs", Type: "zonefs", Modules: []string{"zonefs"}, MinDevice: 64 * MiB, Optional: true,
		mkfs: []string{"mkzonefs", "-f", device}, options: []string{"errors=repair"},
		Variants: []Variant{
			{BlockSize: 4096, Device: Device{Kind: Sequential, Sector: 4096}, Why: "sequential zones take direct writes at the write pointer only"},
			{Name: "512", BlockSize: 512, Device: Device{Kind: Sequential, Sector: 512}, Why: "several blocks in a page: an append changes a page that is cached"},
			{Name: "conventional", BlockSize: 4096, FileSize: 1 * MiB, Device: Device{Kind: Conventional, Sector: 4096}, Why: "zones that are written anywhere: files of fixed size"},
		},
	}
}

// bcachefs has been in kernels from 6.7 to 6.17. Small data would stand in its btrees, where no program could tell them from what else is
// written there.
func bcachefs() FS {
	return FS{
		Name: "bcachefs", Type: "bcachefs", Modules: []string{"bcachefs"}, MinDevice: 128 * MiB, Optional: true,
		mkfs: []string{"bcachefs", "format", "-q", "-f", "--uuid=" + uuid, "--block_size=" + block, device}, options: []string{"noinline_data"},
		Variants: []Variant{
			{BlockSize: 4096, Why: "a two-state lock between direct I/O and the page cache, no fallback"},
		},
	}
}

// f2fs writes data to new places, in a log of segments; what is written directly is written in place where it can be. Small files stand
// in blocks like others.
func f2fs() FS {
	return FS{
		Name: "f2fs", Type: "f2fs", Modules: []string{"f2fs"}, MinDevice: 128 * MiB, Optional: true,
		OpensWait: true, // f2fs_file_open → finish_preallocate_blocks: for the inode's lock, in 6.1.192
		mkfs:      []string{"mkfs.f2fs", "-q", "-f", "-t", "0", "-U", uuid, device}, options: []string{"noinline_data"},
		Variants: []Variant{
			{BlockSize: 4096, Why: "direct I/O by iomap since 5.17, buffered by its own pages, fallback since then as well"},
		},
	}
}
