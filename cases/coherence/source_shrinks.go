package coherence

import "github.com/iomapcheck/iomapcheck/harness/prog"

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
			prog.Write("f", 0, size, 'n').Via("g", 0).Counts(4*prog.KiB, 8*prog.KiB, 12*prog.KiB, size).MayFail("EFAULT").As("write"),
			prog.Join("shrinker"),
			prog.Read("f", 0, size).OneOf("n.").As("after"),
		).Witness(cached())}},
	}
}
