// Package regress has the cases of the fifth theme: what kernel developers argued about, each with the programs that tell the sides of the
// argument apart, and bugs that were found by the other themes.
//
// On the engine each side can be taken (run --mutant NAME; the names are in mutant.Sides): the present-day side holds, and what the other
// sides cost shows.
//
//	thread                                            side                    shows in
//	1  iomap: Return zero in case of unsuccessful     release-sleeps          regress/release-folio~pressure: a hang (--release 5.10)
//	   pagecache invalidation before DIO (May 2020)   release-allows          regress/release-folio~overwritten holds
//	3  RFC: iomap write invalidation (July 2020)      reads-invalidate        regress/direct-read-keeps-cache
//	                                                  failure-leaves-stale    fallback/redirty-during-writeback
//	                                                  failure-not-uptodate    regress/store-beside-direct-write
//	                                                  failure-eremchg         fallback/redirty-during-writeback on file systems that do not know it
//	                                                  writeback-error-…       regress/error-or-fallback
//	4  bcachefs' lock against page faults (May 2023)  own-retries, own-fails  progress/self-mapped-buffer
//	                                                  (unfair, as it is)      regress/two-state-lock~starved: known
//	                                                  two-state-deadline      regress/two-state-lock~twice: a deadlock
package regress

import "github.com/iomapcheck/iomapcheck/harness/prog"

// Cases lists the theme's cases.
func Cases() []prog.Case {
	return []prog.Case{
		releaseFolio(), directReadKeepsCache(), storeBesideDirectWrite(), errorOrFallback(), evictedBuffer(), twoStateLock(), storeLostAtUnmount(),
	}
}

const page = 4 * prog.KiB

// direct is the witness that direct I/O was tried.
func direct() prog.Witness { return prog.Fired("iomapcheck:__iomap_dio_rw", 1) }
