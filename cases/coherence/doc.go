// Package coherence has the cases of the first theme: direct, buffered and mapped I/O agree.
package coherence

import "github.com/iomapcheck/iomapcheck/harness/prog"

// Cases lists the theme's cases.
func Cases() []prog.Case {
	return []prog.Case{
		postWriteInvalidation(), directReadWritesBack(), writeBesideDirtyBlock(), storeDuringDirectWrite(), extendingWrite(),
		bufferedWriteDuringDIO(), unalignedIntoUnwritten(), holesReadAsZeros(), failedDirectWrite(), failedWriteback(), nowait(),
	}
}

// The sizes that the cases use: a file of several folios, and a piece of less than a block.
const (
	whole  = 64 * prog.KiB
	sector = 512
)

// direct is the witness that direct I/O was done and not replaced by buffered I/O.
func direct() prog.Witness { return prog.Fired("iomap:iomap_dio_rw_begin", 1) }

// journalled is the row of ext4 where direct I/O is buffered, and what is missing then.
func journalled(missing string) prog.Row {
	return prog.Row{
		FS:          []string{"ext4/journal"},
		Unsupported: "with data=journal O_DIRECT is carried out buffered: " + missing,
		Why:         "direct I/O to a file with journalled data is buffered",
		Kernel:      "ext4_file_write_iter, ext4_file_read_iter → ext4_should_use_dio",
	}
}
