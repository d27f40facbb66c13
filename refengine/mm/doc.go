// Package mm models the page cache: folios and their flags, the mapping of a file, page faults and mapped memory, invalidation and
// truncation, memory cgroups with reclaim, the memory of programs that system calls name, and DAX.
//
// Lock order, after the top of mm/filemap.c; what is indented is acquired inside what is above it. A branch may start at any level.
//
//	i_rwsem                                 (iomap.Inode.IRwsem)
//	  glock                                 (gfs2 only)
//	  pagecache lock                        (bcachefs only: fs.twoStateLock)
//	    Mapping.InvalidateLock
//	      folio lock                        (by ascending index within a file)
//	        ilock                           (iomap.Inode.ILock: the extents)
//	          i_pages                       (not a lock here: changes between two scheduling points)
//	  Space.MmapLock                        (copies and pins of a system call's buffer that fault)
//	Space.MmapLock                          (page faults, shared; munmap, exclusive)
//	  glock                                 (gfs2 only)
//	  pagecache lock                        (bcachefs only: fs.twoStateLock)
//	    Mapping.InvalidateLock              (shared only)
//	      folio lock
//
// So a buffer is never touched with faults allowed while InvalidateLock or a folio lock is held: copies made under a folio lock
// stop where the memory is not present (nofault).
//
// What is waited for, and what may be held meanwhile: the writeback of a folio with that folio locked, never with one
// of a lower index; the read of a folio with InvalidateLock shared; direct I/O in flight (i_dio_count) with i_rwsem and InvalidateLock
// exclusive, since completions take neither.
//
// A folio lock may be owned by a read request instead of a task: Folio.HandToIO and Folio.EndRead. Flags change only under the folio's
// lock, except that completions clear writeback and set uptodate. Between two scheduling points everything is atomic, which stands for
// the spinlocks (i_pages, page table locks, the inode's i_lock). What a step touches is declared where it is touched: the folio tree, each
// folio's flags with its contents, each mapping's page table.
//
// # Who may take a folio away
//
//	                                   dirty   locked  writeback  mapped    referenced, pinned  mlocked  refused by the filesystem
//	InvalidateInodePages2Range         stays   waits   waits      unmaps    taken               taken    stays: EBUSY
//	InvalidateMappingPages             stays   stays   stays      stays     stays               stays    stays
//	TruncateInodePagesRange            taken   waits   waits      unmaps    taken               taken    not asked
//	reclaim (Memcg)                    stays   stays   stays      unmaps    stays               stays    stays
//
// # Reclaim
//
// A Memcg charges what its files cache. Usage above Max makes the task that adds a folio reclaim, and fails it with ENOMEM when
// nothing helps (the task is killed); above High the task reclaims when its system call or fault ends. Kswapd is a task whose every victim
// is the strategy's choice, so that what reclaim may do at some moment some schedule does. Without a Memcg there is no
// reclaim and not one scheduling point for it.
//
// # DAX: truncating a file whose pages are the buffer of somebody's direct I/O
//
// The pages of a DAX file are the storage. Direct I/O between them and another file pins them, and a truncate must not free the blocks
// before the last pin is gone. It unmaps the file, so that whoever wants to pin a page faults first and meets InvalidateLock, and
// waits for what is pinned already. The question in the review of xfs_break_dax_layouts (April 2018) was what to hold meanwhile.
// As first posted the wait dropped i_rwsem and the MMAPLOCK (invalidate_lock) and then began anew: a program that kept 64
// requests in flight from a mapping kept new pins coming, and truncate never got past it. Keeping the IOLOCK was the answer, and
// kernels do so ever since; it stops direct I/O to the file itself, but not requests to other files, which take
// other i_rwsems: a stream of those still keeps truncate away for ever, on every kernel that was measured. Keeping the MMAPLOCK as well
// would keep new pins out, but a request that has pinned the first page of its buffer and faults for the second waits for truncate,
// which waits for the first page: a deadlock. iomap.Behaviour.DAXLayouts has all of them, and one that no kernel has: the
// lock is dropped, and whoever comes without a pin waits (Mapping.RefuseNewPins), so that only those come through that must.
//
// # Left out
//
// Readahead beyond what was asked for, fault-around, private mappings (so that truncate_pagecache's second unmapping has nothing
// to find), swap, splitting of folios: a folio that a truncation cuts stays whole and is zeroed behind the cut. A fault
// holds mmap_lock over its read, where the kernel drops it and tries again. Stores to DAX pages are durable at once. The OOM
// killer kills the task that asked.
package mm
