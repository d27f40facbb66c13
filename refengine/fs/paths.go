package fs

import (
	"github.com/iomapcheck/iomapcheck/refengine/errno"
	"github.com/iomapcheck/iomapcheck/refengine/iomap"
	"github.com/iomapcheck/iomapcheck/refengine/sched"
)

// uringAsks is the first release whose io_uring believes what a file says of itself ("io_uring: rely solely on FMODE_NOWAIT"); before, every
// regular file was taken for one that can be told not to wait, as long as its device can.
const uringAsks iomap.Version = 605

// OpensNowait says whether the filesystem's files can be told not to wait (FMODE_NOWAIT), so that an io_uring tries before it leaves a
// request to a worker.
func OpensNowait(name string, release iomap.Version) bool {
	return release < uringAsks || name == "xfs" || name == "ext4" || name == "btrfs"
}

// splicesByCopy is the first release whose gfs2 copies what is spliced (copy_splice_read): that of 6.1 shares pages, as
// generic_file_splice_read did for everybody until 6.5.
const splicesByCopy iomap.Version = 605

// SplicesCache says whether a splice from a file takes the pages of the page cache themselves (filemap_splice_read,
// generic_file_splice_read) and not copies of them.
func SplicesCache(name string, release iomap.Version) bool {
	return name != "gfs2" || release < splicesByCopy
}

// Readahead starts to read [pos, end) into the cache for who asks for nothing else (posix_fadvise(2), WILLNEED). bcachefs keeps its page
// cache open to additions meanwhile, which a direct write does not let it do (bch2_readahead); a read has done so already.
func Readahead(t *sched.Task, kind Filesystem, ino *iomap.Inode, pos, end int64) errno.Errno {
	if b, ok := kind.(*bcachefs); ok {
		l := b.pagecache(ino)
		l.lock(t, pagecacheAdd)
		defer l.unlock(t)
	}
	return ino.Mapping.WillNeed(t, pos, end)
}
