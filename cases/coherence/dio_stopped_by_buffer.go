package coherence

import (
	"github.com/iomapcheck/iomapcheck/cases/rows"
	"github.com/iomapcheck/iomapcheck/harness/prog"
)

// The memory of a direct write cannot be read behind its first page. What was written counts, or the whole write fails with EFAULT; a
// count is a promise about bytes. The write begins within a block, so that what it leaves of its last block has to be zeroed:
//
//	file     [ 0 | n n n n n n n | n ‖ 0 0 0 0 0 0 0 | …    4k of data from 512 on, then the fault ‖
//	blocks   [               ) [               )
//
// Zeroing is counted by calls: one for the head, one for the tail, and again as many where the faulting part is begun.
func dioStoppedByBuffer() prog.Case {
	const kib = prog.KiB
	fault := map[string]prog.Expect{
		"write": {Errnos: []string{"EFAULT"}, MustFail: true},
		"read":  {OneOf: "n."},
	}
	end := prog.New(
		prog.Write("f", 0, 4*kib, 'o'), prog.Fsync("f"),
		prog.DirectWrite("f", 4*kib, 8*kib, 'n').Guard(4*kib).Counts(4*kib).MayFail("EFAULT").As("write"),
		prog.FileSize("f").Counts(4*kib, 8*kib),
		prog.Read("f", 0, 4*kib).Returns('o'),
	)
	return prog.Case{
		ID:     "coherence/dio-stopped-by-buffer",
		Rule:   "a direct write that its buffer stops half way fails with EFAULT, or returns a count of bytes that are in the file; what it leaves of its last block reads as zeros, and the file ends where the last byte is",
		Kernel: "iomap_dio_bio_iter (zero_tail), __iomap_dio_rw; btrfs_dio_iomap_end (the size that was raised)",
		Source: "iomap: dio data corruption and spurious errors when pipes fill (4.20); btrfs: fix corruption after buffer fault in during direct IO append write (6.11)",
		Variants: []prog.Variant{
			{Name: "inside", Program: prog.New(
				prog.Fallocate("f", 0, 12*kib, prog.FallocAlloc), prog.Fsync("f"),
				prog.DirectWrite("f", sector, 8*kib, 'n').Guard(4*kib).Counts(4*kib).As("write"),
				prog.DirectRead("f", sector, 4*kib).Returns('n').As("read"),
				prog.DirectRead("f", 8*kib, 4*kib).Returns('.'),
			).Witness(direct())},
			{Name: "end", Program: end.Witness(direct())},
		},
		Rows: []prog.Row{
			rows.Journalled("direct I/O is buffered"),
			{
				FS: []string{"xfs"}, Variants: []string{"inside"}, Since: "6.12", Known: true,
				Why:    "zeroing the tail hides the fault, so that the write returns 4k; but zeroing the head of the block in which the faulting part begins has wiped the last 512 bytes of them",
				Kernel: "iomap_dio_bio_iter: ret = iomap_dio_zero() at zero_tail",
				Commit: "came with \"iomap: fix iomap_dio_zero() for fs bs > system page size\"",
			},
			{
				FS: []string{"xfs"}, Variants: []string{"inside"}, Before: "6.12",
				Expect: fault, Rules: zeroedTwice(),
				Why:    "a fault fails the whole write",
				Kernel: "__iomap_dio_rw: -EFAULT without IOMAP_DIO_PARTIAL",
			},
			{
				FS: []string{"gfs2"}, Variants: []string{"inside"}, Before: "5.16",
				Expect: fault,
				Why:    "a fault fails the whole write; seen on 5.10.223",
				Kernel: "iomap_dio_rw: -EFAULT, and no gfs2_file_direct_write that retries",
			},
			{
				FS: []string{"f2fs"}, Variants: []string{"inside"}, Before: "5.16",
				Expect: map[string]prog.Expect{
					"write": {Counts: []int64{7 * sector}},
					"read":  {Exact: prog.Content{{Len: 7 * sector, Fill: "n"}, {Len: sector, Fill: "."}}},
				},
				Why:    "what is not aligned to blocks goes through the page cache, a page at a time, and a page whose memory is not all there is not begun; seen on 5.10.262",
				Kernel: "f2fs_direct_IO: check_direct_IO; generic_perform_write: iov_iter_fault_in_readable of all of a page's bytes",
			},
			{
				FS: []string{"btrfs"}, Variants: []string{"end"}, Before: "6.1", Known: true,
				Why:    "the size that was raised for the whole write stays when a part of it fails; seen on 5.10.223",
				Kernel: "btrfs_get_blocks_direct: i_size_write",
				Commit: "btrfs: fix corruption after buffer fault in during direct IO append write (6.11)",
			},
			{
				FS: []string{"ext4"}, Variants: []string{"inside"},
				Expect: fault, Rules: zeroedTwice(),
				Why:    "the rest of a short direct write is written through the page cache, and its EFAULT is the result",
				Kernel: "ext4_dio_write_iter → ext4_buffered_write_iter",
			},
			rows.Checksummed("nothing is pinned"),
			{
				FS: []string{"gfs2"}, Variants: []string{"end"},
				Unsupported: "a direct write beyond the end of the file is always buffered",
				Why:         "the file grows through the page cache alone",
				Kernel:      "gfs2_file_direct_write",
			},
			{
				FS: []string{"btrfs"}, Variants: []string{"inside"},
				Unsupported: "a direct write of less than a block is a buffered one",
				Why:         "direct I/O is of whole blocks",
				Kernel:      "check_direct_IO",
			},
		},
	}
}

// zeroedTwice demands that head and tail were zeroed, and again where the faulting part was begun.
func zeroedTwice() []prog.EventRule {
	return []prog.EventRule{prog.MustFire("iomapcheck:iomap_dio_zero", 3)}
}
