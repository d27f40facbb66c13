// Package foliolock has the cases of the third theme: what must happen while a folio is locked does, and what needs a locked
// folio waits for its lock.
package foliolock

import "github.com/iomapcheck/iomapcheck/harness/prog"

// Cases lists the theme's cases.
func Cases() []prog.Case {
	return []prog.Case{
		invalidationWaitsForFolio(), truncateWaitsForWriteback(), storeDuringWriteback(), punchAgainstFault(),
	}
}

// whole is the size of the cases' files: several folios.
const whole = 64 * prog.KiB

// journalled is the row of ext4 where direct I/O is buffered, and what is missing then.
func journalled(missing string) prog.Row {
	return prog.Row{
		FS:          []string{"ext4/journal"},
		Unsupported: "with data=journal O_DIRECT is carried out buffered: " + missing,
		Why:         "direct I/O to a file with journalled data is buffered",
		Kernel:      "ext4_file_write_iter, ext4_file_read_iter → ext4_should_use_dio",
	}
}
