// Package mutant lists the historic bugs that the engine can be given, each a named switch.
//
// A mutant is one changed behaviour: a call left out, a result ignored, a wait skipped. The catalogue of cases must catch
// every one of them through its rules, and must be silent without them.
package mutant

import (
	"fmt"
	"strings"
)

// ID names a mutant inside the engine.
type ID uint8

// The mutants. The order is the order of List.
const (
	DioSkipPostInvalidate ID = iota
	DioIgnoreInvalidateFailure
	TruncateNoDioWait
	count
)

// Mutant describes one switch.
type Mutant struct {
	ID     ID
	Name   string // what Config.Mutants and the command line use
	Change string // what the engine does differently, and the kernel function it is in
	Stands string // the fix or the thread it stands for
}

// Set is a set of mutants. The zero value is the unmutated engine. It is a value: copying it copies the set.
type Set struct{ bits [4]uint64 }

// List returns every mutant there is.
func List() []Mutant {
	return []Mutant{
		{
			DioSkipPostInvalidate, "dio-skip-post-invalidate",
			"iomap_dio_complete does not call kiocb_invalidate_post_direct_write",
			"iomap: invalidate page caches should be after iomap_dio_complete() in direct write (c771c14baa33)",
		},
		{
			DioIgnoreInvalidateFailure, "dio-ignore-invalidate-failure",
			"__iomap_dio_rw goes on writing directly when kiocb_invalidate_pages failed, instead of returning -ENOTBLK",
			"iomap: fall back to buffered writes for invalidation failures (60263d5889e6)",
		},
		{
			TruncateNoDioWait, "truncate-no-dio-wait",
			"xfs_setattr_size, ext4_setattr, btrfs_setsize and gfs2_setattr_size do not call inode_dio_wait",
			"fs: kill i_alloc_sem, which made truncate wait for i_dio_count instead of taking a lock; without the wait, blocks are " +
				"freed under direct I/O in flight",
		},
	}
}

// Of returns the set that holds the given mutants.
func Of(ids ...ID) Set {
	var s Set
	for _, id := range ids {
		s.bits[id/64] |= 1 << (id % 64)
	}
	return s
}

// Parse returns the set of the named mutants. An unknown name is an error that lists the known ones.
func Parse(names ...string) (Set, error) {
	var ids []ID
	for _, name := range names {
		id, ok := find(name)
		if !ok {
			return Set{}, fmt.Errorf("find mutant %q: not one of %s", name, strings.Join(Names(), ", "))
		}
		ids = append(ids, id)
	}
	return Of(ids...), nil
}

// Names returns the name of every mutant, in List's order.
func Names() []string {
	var names []string
	for _, m := range List() {
		names = append(names, m.Name)
	}
	return names
}

// Has says whether the mutant is switched on.
func (s Set) Has(id ID) bool { return s.bits[id/64]&(1<<(id%64)) != 0 }

// String lists the names in the set, separated by commas.
func (s Set) String() string {
	var names []string
	for _, m := range List() {
		if s.Has(m.ID) {
			names = append(names, m.Name)
		}
	}
	return strings.Join(names, ",")
}

func find(name string) (ID, bool) {
	for _, m := range List() {
		if m.Name == name {
			return m.ID, true
		}
	}
	return 0, false
}
