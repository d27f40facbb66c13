package fallback

import "github.com/iomapcheck/iomapcheck/harness/prog"

// A direct write finds blocks for its first half, and for the second the owner of the file may have none, though the disk has plenty. Which way it
// goes matters as little as when the disk is full, and the application is told which of the two it is.
func noQuota() prog.Case {
	variants := runningOut(prog.FillQuota(0), "EDQUOT")
	// A store that needs a block has nobody to be told but its task.
	variants = append(variants, prog.Variant{Name: "mapped", Program: prog.New(
		prog.Write("f", 0, whole/2, 'o'), prog.Truncate("f", whole), prog.Fsync("f"),
		prog.FillQuota(0),
		prog.Store("f", whole/2, sector, 'n').Fails("SIGBUS").As("store"),
		prog.DirectWrite("f", whole/2, sector, 'n').Fails("EDQUOT").As("write"),
		prog.DropCaches(),
		prog.DirectRead("f", whole/2, whole/2).Returns('.'),
	).Witness(direct())})
	return prog.Case{
		ID:       "fallback/no-quota",
		Rule:     "a direct write for which the owner of the file may have no more blocks fails with EDQUOT, and not as if the disk were full, or returns the count of bytes that are in the file; what it was not to change stays, no byte of it appears where it got no block, and the file is no longer than its data",
		Kernel:   "xfs_iomap_write_direct → xfs_trans_dqresv, ext4_mb_new_blocks → dquot_alloc_block, btrfs_check_data_free_space → btrfs_qgroup_reserve_data; gfs2_iomap_begin_write → gfs2_quota_lock_check",
		Source:   "seed thread 3: which errors come out of a fallback; xfstests generic/230 and generic/270 exceed quotas, none by a direct write that has half of its blocks",
		Variants: variants,
	}
}
