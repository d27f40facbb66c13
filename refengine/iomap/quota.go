package iomap

import (
	"github.com/iomapcheck/iomapcheck/refengine/errno"
	"github.com/iomapcheck/iomapcheck/refengine/mutant"
	"github.com/iomapcheck/iomapcheck/refengine/sched"
)

// The owner of all files may be limited in what it has, allocated and reserved: asked for before the free space is
// (xfs_quota_reserve_blkres, dquot_reserve_block, btrfs_qgroup_reserve_data, gfs2_quota_lock_check).
//
// Blocks that several files share count once, as in a btrfs subvolume, and not for each as elsewhere: what matters is what a write adds.

// LimitOwner lets the owner of the files have n bytes more than it has now, until UnlimitOwner.
func (sb *Super) LimitOwner(t *sched.Task, n int64) {
	t.Writes(sb.spaceObj)
	sb.quota.limited, sb.quota.bytes = true, sb.taken()+n
}

// UnlimitOwner ends the limit.
func (sb *Super) UnlimitOwner(t *sched.Task) {
	t.Writes(sb.spaceObj)
	sb.quota.limited = false
}

// OwnerLimited says whether LimitOwner is in force.
func (sb *Super) OwnerLimited() bool { return sb.quota.limited }

// taken is how much of the disk is not free for the next.
func (sb *Super) taken() int64 { return sb.Disk.Size() - sb.freeBytes() + sb.reserved }

func (sb *Super) exceeds(n int64) bool {
	return sb.quota.limited && sb.taken()+n > sb.quota.bytes && !sb.Mutants.Has(mutant.QuotaIgnored)
}

func (sb *Super) overQuota() errno.Errno {
	if sb.Mutants.Has(mutant.QuotaAsNoSpace) {
		return errno.ENOSPC
	}
	return errno.EDQUOT
}
