// Package rows has the rows that cases of several themes share: what a file system does in its own way wherever direct I/O is tried.
package rows

import "github.com/iomapcheck/iomapcheck/harness/prog"

// Journalled is the row of ext4 where direct I/O is buffered, and what is missing then.
func Journalled(missing string, variants ...string) prog.Row {
	return prog.Row{
		FS: []string{"ext4/journal"}, Variants: variants,
		Unsupported: "with data=journal O_DIRECT is carried out buffered: " + missing,
		Why:         "direct I/O to a file with journalled data is buffered",
		Kernel:      "ext4_file_write_iter, ext4_file_read_iter → ext4_should_use_dio",
	}
}

// Checksummed is the row of btrfs where and when a direct write to a file with checksums goes through the cache, and what cannot be tried
// then, in these variants of the case, or all.
func Checksummed(missing string, variants ...string) prog.Row {
	r := ThroughTheCache(variants...)
	r.Unsupported = "a direct write to a file with checksums is carried out through the page cache: " + missing
	r.Why = "the application may change the buffer under the checksum"
	return r
}

// ThroughTheCache is where and when btrfs carries a direct write to a file with checksums out through the page cache; what follows
// from that is the case's.
func ThroughTheCache(variants ...string) prog.Row {
	return prog.Row{
		FS: []string{"btrfs/"}, Variants: variants, Since: "6.15", Backports: []string{"6.12.77"}, Before: "7.3",
		Kernel: "btrfs_direct_write, check_direct_IO",
		Commit: "btrfs: always fallback to buffered write if the inode requires checksum",
	}
}

// BufferHeads is the row of f2fs before its direct I/O went through iomap, for what only iomap's tracepoint tells.
func BufferHeads(variants ...string) prog.Row {
	return prog.Row{
		FS: []string{"f2fs"}, Variants: variants, Before: "5.18",
		Unsupported: "direct I/O goes through buffer heads, not iomap: no tracepoint tells that the page cache could not be invalidated",
		Why:         "generic_file_direct_write returns 0 for EBUSY and says nothing",
		Kernel:      "f2fs_direct_IO → blockdev_direct_IO",
		Commit:      "f2fs: use iomap for direct I/O",
	}
}

// Unflushed is the row of f2fs while what is not aligned to blocks was buffered and left so, for cases in which it must be in flight.
func Unflushed(variants ...string) prog.Row {
	return prog.Row{
		FS: []string{"f2fs"}, Variants: variants, Since: "5.18", Before: "6.12",
		Unsupported: "a direct write that is not aligned to blocks goes through the page cache, and nobody writes it back: nothing is in flight",
		Why:         "the flush came later; seen without it on 6.1.192, and with it on 6.12.117",
		Kernel:      "f2fs_should_use_dio, f2fs_buffered_write_iter",
	}
}

// MovedTwice is the row of zonefs for synchronous writes to sequential zones, where they are zone appends that are checked against a write
// pointer which has been moved by then: those that go where they should fail, and one that the device carries out a block too far succeeds.
func MovedTwice(variants ...string) prog.Row {
	return prog.Row{
		FS: []string{"zonefs/", "zonefs/512"}, Variants: variants, Target: "vm", Since: "6.1", Before: "6.5", Known: true,
		Why: "every synchronous direct write fails with EIO, and its data are there: the write pointer is moved before the write, as kernels do that " +
			"have no appends any more, and the append finds that it has not written behind it; seen on 6.1.192",
		Kernel: "zonefs_file_dio_write: z_wpoffset += count, zonefs_file_dio_append: \"Corrupted write pointer\"",
		Commit: "none that mends it; came to 6.1 with the backport of \"zonefs: Improve error handling\" (6.8), which needs \"zonefs: use iomap for synchronous direct writes\" (6.5)",
	}
}

// GlockOverFault is the row of gfs2 where it still faulted user memory in with the inode's glock held. If the fault needs a
// glock as well, of the same file or of another, the task meets its own lock, or another's that waits for it. On a kernel that takes two
// such tasks at the right moment; the engine's lock checker sees the order, and says so.
func GlockOverFault(variants ...string) prog.Row {
	return prog.Row{
		FS: []string{"gfs2"}, Variants: variants, Target: "refengine", Before: "5.16", Known: true, Shows: "crash",
		Why:    "user memory is faulted in with the glock held: mmap_lock is taken inside the glock, and glocks are taken inside mmap_lock",
		Kernel: "gfs2_file_write_iter, gfs2_file_direct_read, gfs2_fault",
		Commit: "gfs2: Fix mmap + page fault deadlocks for buffered I/O; … for direct I/O",
	}
}

// GlockTwice is the row of gfs2 where a task that faults with the glock held needs that very glock: the kernel notices, and dies of it.
func GlockTwice(variants ...string) prog.Row {
	r := GlockOverFault(variants...)
	r.Target = ""
	r.Why = "the memory is the file itself, and faulting it in takes the glock that the task holds: BUG. Seen on 5.10.223"
	r.Kernel = "gfs2_fault → gfs2_glock_nq → add_to_queue: trap_recursive"
	return r
}

// NoShift is the row of file systems whose extents cannot be moved, for variants of a case that collapse or insert.
func NoShift(variants ...string) prog.Row {
	return prog.Row{
		FS: []string{"btrfs", "gfs2", "zonefs"}, Variants: variants,
		Unsupported: "there is neither FALLOC_FL_COLLAPSE_RANGE nor FALLOC_FL_INSERT_RANGE",
		Why:         "fallocate knows fewer modes there",
		Kernel:      "btrfs_fallocate, gfs2_fallocate",
	}
}
