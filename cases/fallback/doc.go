// Package fallback has the cases of the second theme: a direct write that cannot be done directly is done through the page
// cache, completely, without the application's noticing.
package fallback

import "github.com/iomapcheck/iomapcheck/harness/prog"

// Cases lists the theme's cases.
func Cases() []prog.Case {
	return []prog.Case{redirtyDuringWriteback(), writebackError(), hole(), refusedByDisk(), zonefsBusy()}
}

// whole is the size of the cases' files: several folios.
const whole = 64 * prog.KiB

// direct is the witness that direct I/O was tried.
func direct() prog.Witness { return prog.Fired("iomapcheck:__iomap_dio_rw", 1) }

// journalled is the row of ext4 where direct I/O is buffered, and what is missing then.
func journalled(missing string) prog.Row {
	return prog.Row{
		FS:          []string{"ext4/journal"},
		Unsupported: "with data=journal O_DIRECT is carried out buffered: " + missing,
		Why:         "a direct write to a file with journalled data is a buffered one",
		Kernel:      "ext4_file_write_iter → ext4_should_use_dio",
	}
}

// checksummed is the row of btrfs where and when a direct write to a file with checksums goes through the cache.
func checksummed() prog.Row {
	return prog.Row{
		FS: []string{"btrfs/"}, Since: "6.15", Backports: []string{"6.12.77"}, Before: "7.3",
		Unsupported: "a direct write to a file with checksums is carried out through the page cache and then flushed: there is nothing to fall back from",
		Why:         "the application may change the buffer under the checksum",
		Kernel:      "btrfs_direct_write, check_direct_IO",
		Commit:      "btrfs: always fallback to buffered write if the inode requires checksum",
	}
}
