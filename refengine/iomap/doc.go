// Package iomap models the kernel's iomap paths over a simple extent filesystem: buffered read and write, writeback,
// zeroing, and direct I/O, in the kernel's order of steps.
//
// Every function says which kernel function it follows; the steps are those of 6.12, and Super.Release switches what differs
// visibly in others. Lock order, where mm's ends:
//
//	i_rwsem            shared for reads and overwriting direct writes, exclusive for whatever changes size or extents: see package fs
//	  invalidate_lock  exclusive while extents are taken away
//	    folio lock     ascending; held over the mapping of blocks for a write, for writeback and for page_mkwrite
//	      ilock        Inode.ILock: extents and the size on disk. Innermost: nothing is locked or waited for under it
//
// Completions run in tasks of their own. A read's completion takes no lock. A write's may need ilock to convert unwritten
// blocks or raise the size on disk, and, direct, folio locks to invalidate: it runs on a work queue. No completion takes i_rwsem or
// invalidate_lock, which is why both may be held over a wait for it.
//
// # Direct I/O
//
// DioRW writes back the range; a write invalidates it too, and ENOTBLK, if that fails, sends the caller to the page cache. Then
// requests go out, mapping by mapping. Completion makes the blocks valid, raises the size, invalidates again, and only then
// lets i_dio_count drop. A folio that is dirtied while the write is in flight survives the second invalidation: the kernel
// says so in its log and by EIO from the next fsync, and so does the model.
//
// # What is simple here
//
// Blocks come unwritten, lowest address first, and are freed at once: an I/O still in flight to freed blocks hits whoever gets them
// next. There is no journal, and metadata is durable when it changes. Dirtiness and uptodateness are per folio, not per block. User memory never
// faults, so copies are never short.
package iomap
