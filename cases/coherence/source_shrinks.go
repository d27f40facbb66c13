package coherence

import (
	"github.com/iomapcheck/iomapcheck/cases/rows"
	"github.com/iomapcheck/iomapcheck/harness/prog"
)

// A write faults its memory in, reserves or allocates blocks for it, and finds it gone: another task has cut the file that it maps.
// The blocks that were meant for it have held another file's data.
func sourceShrinks() prog.Case {
	const size = 16 * prog.KiB
	return prog.Case{
		ID:     "coherence/source-shrinks",
		Rule:   "a write into a hole whose source is truncated meanwhile leaves what was written and zeros, never what the blocks held before",
		Kernel: "gfs2_iomap_end (deallocates what was allocated and not filled), iomap_write_delalloc_release",
		Source: "xfs: punching delalloc extents on write failure is racy (6.2); the rule that stale blocks are never exposed",
		Variants: []prog.Variant{{Program: prog.New(
			prog.Write("h", 0, size, 'x'), prog.Fsync("h"), prog.Truncate("h", 0), prog.Fsync("h"),
			prog.Write("g", 0, size, 'n'), prog.Fsync("g"),
			prog.Truncate("f", size),
			prog.Go("shrinker", prog.Truncate("g", 4*prog.KiB)),
			prog.Write("f", 0, size, 'n').Via("g", 0).Counts(4*prog.KiB, 8*prog.KiB, 12*prog.KiB, size).As("write"),
			prog.Join("shrinker"),
			prog.Read("f", 0, size).OneOf("n.").As("after"),
		).Witness(cached())}},
		Rows: []prog.Row{
			rows.GlockOverFault(),
			{
				FS:     []string{"btrfs"},
				Expect: map[string]prog.Expect{"write": {Counts: []int64{4 * prog.KiB, 8 * prog.KiB, 12 * prog.KiB, size}, Errnos: []string{"EFAULT"}}},
				Why:    "a write whose memory is not there for as many pages as are prepared at a time fails before it copies any; seen on 6.12",
				Kernel: "btrfs_buffered_write: fault_in_iov_iter_readable of all of write_bytes",
			},
			{
				FS: []string{"bcachefs"}, Target: "refengine",
				Unsupported: "reservations are a folio's there, and the engine has them as a file's",
				Why:         "its buffered writes do not go through iomap",
				Kernel:      "bch2_folio_reservation_get",
			},
			{
				FS: []string{"ext4/", "ext4/1k", "ext4/inline", "ext4/4kn", "ext4/quota"}, Target: "refengine", Known: true,
				Why:    "what the write had reserved inside the file and not filled stays reserved: direct I/O finds a delayed block that nothing will write back, and fails with EIO. Read in 6.12.117; on a kernel the schedule has not been met",
				Kernel: "ext4_da_write_end (copied 0 inside i_size), ext4_set_iomap (EXT4_MAP_DELAYED), iomap_dio_iter (IOMAP_DELALLOC)",
			},
		},
	}
}
