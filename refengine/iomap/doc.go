// Package iomap models the kernel's iomap paths over a simple extent filesystem: buffered read and write, writeback,
// zeroing, and direct I/O, in the kernel's order of steps.
//
// Every function says which kernel function it follows; the steps are those of 6.12, and Super.Release switches what differs
// visibly in others. Lock order, where mm's ends:
//
//	i_rwsem            shared for reads and overwriting direct writes, exclusive for whatever changes size or extents: see package fs
//	  invalidate_lock  exclusive while extents are taken away
//	    transaction    gfs2's log and jbd2's handles, shared, for journalled data only; exclusive to commit: see package fs
//	    folio lock     inside a transaction if there is one; ascending; held over the mapping of blocks for a write, for writeback and for page_mkwrite
//	      extent lock  btrfs' ranges (fs.rangeLock), inside the lock among its direct I/Os; kept over requests by reads, up to 6.12
//	      ilock        inside extent locks. Inode.ILock: extents and the size on disk. Innermost: nothing is locked or waited for under it
//
// Completions run in tasks of their own. A read's completion takes no lock. A write's may need ilock to convert unwritten
// blocks or raise the size on disk, and, direct, folio locks to invalidate: it runs on a work queue. No completion takes i_rwsem or
// invalidate_lock, which is why both may be held over a wait for it.
//
// # Buffered I/O
//
// A write goes folio by folio: it waits while too much memory is dirty, faults its memory in, gets the folio locked, asks whether its
// mapping still holds, reads or zeroes what it does not cover of the blocks at its ends, copies without faulting, raises the size, and lets
// the folio go. A folio of several blocks knows which of them are valid and which dirty. Writeback writes the dirty blocks,
// zeroes what lies behind the end of the file, and makes blocks valid and raises the size on disk when the data has arrived. Data whose blocks
// are shared, or that is never overwritten in place, goes to blocks in the CoW fork, which become the file's then.
//
// # The hook under the folio lock
//
// Journalled data on gfs2 is added to a transaction by a hook at the end of each folio of a write. Until 6.2 it ran after the
// folio was unlocked, and after pagecache_isize_extended, which may sleep. In between writeback could write the data in place before
// the journal had it, and, if a short copy had left the folio clean, the shrinker could free the buffers that the hook was about to add:
// an oops. Moving the hook before the unlock (December 2022) was held up by two things. One was
// pagecache_isize_extended itself, which locks the folio of the old end of file and so cannot run under another folio's lock: a
// helper folio_may_straddle_isize was proposed to do its work on the folio that is locked already. Its arithmetic is right for a
// write that begins in the folio of the old end of file (FolioMayStraddleIsize, and its test over every size, block size and order);
// for a write in another folio it protects the wrong one, and a store through a mapping to a block behind the old end is lost.
// It was not merged: since 6.3 the hook unlocks the folio itself, and pagecache_isize_extended comes after it. Behaviour.PutFolio and
// Behaviour.ExtendedSize run each side.
//
// The other was what the same discussion had to build first. A mapping that a write holds over many folios may be stale when it
// gets to the next: writeback has converted unwritten blocks, and reclaim has dropped the folio that held the data, so that zeroing by
// the old mapping loses it. Since 6.2 (and 6.1.y) the mapping carries a cookie that is compared under the folio's lock (Hooks.Valid);
// filesystems that map under that lock never had the problem. And zeroing must not take unwritten blocks for zeros while a dirty
// folio is over them: older kernels skip it, since 6.12 the range is flushed first, and since 6.19 the dirty folios are
// zeroed where they are (Behaviour.DirtyUnwritten).
//
// # Direct I/O
//
// DioRW writes back the range; a write invalidates it too, and ENOTBLK, if that fails, sends the caller to the page cache. Then
// requests go out, mapping by mapping. Completion makes the blocks valid, raises the size, invalidates again, and only then
// lets i_dio_count drop. A folio that is dirtied while the write is in flight survives the second invalidation: the kernel
// says so in its log and by EIO from the next fsync, and so does the model.
//
// # The argument about invalidation
//
// Direct I/O used to throw the cache away before and after, reads too, and where that failed it went on: a line in the log, and a
// cache that might be stale. In July 2020 two patches changed it. Reads came to leave the cache alone, since what the
// invalidation had been for on Irix and in early XFS was done by other means, and a direct read over the cache of others cost them
// all of it. For writes the choice was between the concurrency of direct I/O and a cache that agrees with the disk; coherence won: a
// failed invalidation is an error that the filesystem answers by writing through the cache. The first draft called it EREMCHG, the
// word of one case in XFS, and whoever did not know the word would have handed it to the application; ENOTBLK was known to more.
// Why not mark the folio not uptodate instead, and write? A dirty folio holds stores to bytes that the write does not cover, and a
// mapping, locked in memory or not, shows the page without asking. And which errors may become a fallback? Up to 6.4 only a folio that
// stayed; since 6.5 a writeback that failed does as well, which hides the error until fsync. Sequential zones have nothing to
// fall back to. Behaviour has DirectReads, InvalidateFailure and WritebackFailure for these.
//
// # What is simple here
//
// Blocks come unwritten, lowest address first, and are freed at once: an I/O still in flight to freed blocks hits whoever gets them
// next. Metadata is durable when it changes; journals (package fs) carry file data only, and are not replayed. Of folios with a state per
// block, partial reads by others wait for the whole folio. A buffered write with NOWAIT does not wait for memory or space, but for folios.
package iomap
