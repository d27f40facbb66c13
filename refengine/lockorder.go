package refengine

import (
	"slices"

	"github.com/iomapcheck/iomapcheck/refengine/sched"
)

// LockOrder lists the classes of locks from the outermost to the innermost, as the package comments of mm and iomap draw them: "gfs2
// log_flush" and "jbd2_handle" are the transactions, of which no filesystem has both. bcachefs' page cache lock is not in it: those who
// wait for it have a protocol instead of an order.
func LockOrder() []string {
	return []string{
		"i_rwsem", "mmap_lock", "glock", "invalidate_lock", "gfs2 log_flush", "jbd2_handle", "folio lock",
		"dio extent lock", "extent lock", "ilock",
	}
}

// InLockOrder says whether a nesting follows LockOrder. One with a class that is not listed does not.
func InLockOrder(e sched.Edge) bool {
	order := LockOrder()
	held, took := slices.Index(order, e.Held), slices.Index(order, e.Acquired)
	return held >= 0 && held < took
}
