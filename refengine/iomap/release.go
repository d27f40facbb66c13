package iomap

// The releases from which something is done differently, by what the kernels' sources and runs on them show. A stable series
// that has a fix counts from its base.
const (
	// faultInPart: "iov_iter: Turn iov_iter_fault_in_readable into fault_in_iov_iter_readable", 5.16. Before, one page of the
	// piece that cannot be had fails the whole piece.
	faultInPart Version = 516
	// failureKeepsCache: "iomap: buffered write failure should not truncate the page cache", 6.2 and 6.1.y (6.1.92).
	failureKeepsCache Version = 601
	// putFolioLocked: "iomap/gfs2: Unlock and put folio in page_done handler", 6.3.
	putFolioLocked Version = 603
	// dirtyBlocks: "iomap: Add per-block dirty state tracking to improve performance", 6.6. Before, every valid block of a dirty
	// folio is written.
	dirtyBlocks Version = 606
	// zeroFlushes: "iomap: fix handling of dirty folios over unwritten extents", 6.12.
	zeroFlushes Version = 612
	// ioendSizeAtMapping: "iomap: fix zero padding data issue in concurrent append writes", 6.13 and 6.12.y (6.12.10).
	ioendSizeAtMapping Version = 612
	// isizeZeroing: "mm: zero range of eof folio exposed by inode size extension", 6.13.
	isizeZeroing Version = 613
	// zeroBatch: "iomap: optional zero range dirty folio processing" and "xfs: fill dirty folios on zero range of unwritten
	// mappings": xfs hands the dirty folios to iomap_zero_range, and nothing is flushed. 6.19.
	zeroBatch Version = 619
)
