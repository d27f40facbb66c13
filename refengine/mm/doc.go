// Package mm models the page cache: folios and their flags, the mapping of a file, page faults and mapped memory, invalidation and
// truncation.
//
// Lock order, after the top of mm/filemap.c; what is indented is acquired inside what is above it. A branch may start at any level.
//
//	i_rwsem                                 (iomap.Inode.IRwsem)
//	  glock                                 (gfs2 only)
//	    Mapping.InvalidateLock
//	      folio lock                        (by ascending index within a file)
//	        ilock                           (iomap.Inode.ILock: the extents)
//	          i_pages                       (not a lock here: changes between two scheduling points)
//	Space.MmapLock                          (page faults, shared; munmap, exclusive)
//	  glock                                 (gfs2 only)
//	    Mapping.InvalidateLock              (shared only)
//	      folio lock
//
// What is waited for, and what may be held meanwhile: the writeback of a folio with that folio locked, never with one
// of a lower index; the read of a folio with InvalidateLock shared; direct I/O in flight (i_dio_count) with i_rwsem and InvalidateLock
// exclusive, since completions take neither. mmap_lock is never taken inside i_rwsem here, as user buffers do not fault.
//
// A folio lock may be owned by a read request instead of a task: Folio.HandToIO and Folio.EndRead. Flags change only under the folio's
// lock, except that completions clear writeback and set uptodate. Between two scheduling points everything is atomic, which stands for
// the spinlocks (i_pages, page table locks, the inode's i_lock).
//
// Left out in this form: readahead beyond what was asked for, fault-around, reclaim but for InvalidateMappingPages, private mappings,
// pins, splitting of folios: a folio that a truncation cuts stays whole and is zeroed behind the cut.
package mm
