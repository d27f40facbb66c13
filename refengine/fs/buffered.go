package fs

import (
	"github.com/iomapcheck/iomapcheck/refengine/errno"
	"github.com/iomapcheck/iomapcheck/refengine/iomap"
	"github.com/iomapcheck/iomapcheck/refengine/mm"
	"github.com/iomapcheck/iomapcheck/refengine/sched"
)

// What follows is the buffered side of what filesystems do alike: iomap.BufferedHooks.

// End gives up reservations that the write has not filled.
func (base) End(t *sched.Task, ino *iomap.Inode, im iomap.Iomap, written int64) {
	ino.EndDelalloc(t, im, written)
}

func (base) GetFolio(t *sched.Task, ino *iomap.Inode, pos, _ int64) (*mm.Folio, errno.Errno) {
	return ino.Mapping.GetFolioLocked(t, mm.IndexOf(pos))
}

func (base) PutFolio(t *sched.Task, ino *iomap.Inode, f *mm.Folio, _, _ int64) { ino.UnlockFolio(t, f) }

func (base) Valid(*sched.Task, *iomap.Inode, iomap.Iomap) bool { return true }

func (base) MapsUnderFolio(*iomap.Inode) bool { return false }

func (base) ZeroRange(t *sched.Task, ino *iomap.Inode, pos, end int64) errno.Errno {
	return ino.ZeroRange(t, pos, end)
}

func (base) Writepages(t *sched.Task, ino *iomap.Inode, pos, end int64) errno.Errno {
	return ino.WriteRange(t, pos, end)
}

func (base) SubmitIoend(*sched.Task, *iomap.Inode, int64, int64) {}

func (base) FinishIoend(t *sched.Task, _ *iomap.Inode, o *iomap.Ioend, e errno.Errno) { o.Finish(t, e) }

// cookiesChecked is the first release whose xfs looks at a mapping's cookie: "xfs: use iomap_valid method to detect stale cached
// iomaps", 6.2 and 6.1.y (6.1.92).
const cookiesChecked iomap.Version = 601

// Valid is xfs_iomap_valid: nothing keeps extents from being converted between the mapping and the folio's lock.
func (xfs) Valid(t *sched.Task, ino *iomap.Inode, im iomap.Iomap) bool {
	return ino.Sb.Release < cookiesChecked || ino.Current(t, im)
}

// MapsUnderFolio: btrfs locks folios, then their range, and reserves space for each (prepare_pages, lock_and_cleanup_extent_if_need).
func (*btrfs) MapsUnderFolio(*iomap.Inode) bool { return true }

// MapsUnderFolio: bcachefs reads what a write leaves of a folio with the folio locked (bch2_read_single_folio).
func (*bcachefs) MapsUnderFolio(*iomap.Inode) bool { return true }

// ZeroRange is btrfs_truncate_block at both ends.
func (*btrfs) ZeroRange(t *sched.Task, ino *iomap.Inode, pos, end int64) errno.Errno {
	return ino.ZeroPartialBlocks(t, pos, end)
}
