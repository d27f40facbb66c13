package iomap

import (
	"github.com/iomapcheck/iomapcheck/refengine/errno"
	"github.com/iomapcheck/iomapcheck/refengine/mm"
	"github.com/iomapcheck/iomapcheck/refengine/sched"
)

// Hooks is what a filesystem does its own way within the common paths.
type Hooks interface {
	DirectHooks
	BufferedHooks
	// Begin maps pos for an operation (->iomap_begin): the result holds pos, and at most length bytes from it. It allocates
	// or reserves what a write lacks.
	Begin(t *sched.Task, ino *Inode, pos, length int64, flags BeginFlags) (Iomap, errno.Errno)
	// Fault and PageMkwrite are the mapping's: see mm.Host.
	Fault(t *sched.Task, ino *Inode, i mm.Index) (*mm.Folio, errno.Errno)
	PageMkwrite(t *sched.Task, ino *Inode, f *mm.Folio) errno.Errno
	// ReleaseFolio is ->release_folio for a folio that is neither dirty nor being written.
	ReleaseFolio(t *sched.Task, ino *Inode, f *mm.Folio) bool
	// BeginRead is called before blocks of [pos, end) are looked up for a buffered read; EndRead when
	// the read is over, possibly by its completion: it must not block.
	BeginRead(t *sched.Task, ino *Inode, pos, end int64)
	EndRead(t *sched.Task, ino *Inode, pos, end int64)
	// StableFolios says whether a folio must not change while it is written, since its checksum is being written too: stores and
	// buffered writes then wait for its writeback (btrfs_page_mkwrite, folio_wait_stable).
	StableFolios() bool
}
