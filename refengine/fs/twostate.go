package fs

import (
	"github.com/iomapcheck/iomapcheck/refengine/iomap"
	"github.com/iomapcheck/iomapcheck/refengine/sched"
)

// twoStateLock may be held by any number of tasks in one of two states, which exclude each other; analogous to bcachefs'
// two_state_lock_t. A task may take it again in the state it holds it in. It has no place in the lock order, as lockdep does not know
// it: a fault of a buffer that is being pinned takes it inside mmap_lock, by the protocol of lockForFault.
//
// # Starvation
//
// Waiters try again when the lock becomes free, and whoever comes meanwhile and finds the lock in its state joins: a stream of page faults
// keeps direct I/O out for ever, and the other way round. When the lock was proposed for all filesystems (May 2023) that was
// the objection, with the cure: a deadline after which a waiter keeps the other state from being taken anew.
// iomap.TwoStateDeadline is that. It has a price, which the engine shows as a deadlock: a task that holds a state and takes it once more,
// as a buffered read does into a mapping of the file it reads, must not be kept out.
type twoStateLock struct {
	q        sched.WaitQueue
	holders  int  // of the state
	state    side // meaningful while there are holders
	deadline bool
	waiters  [2]int // by side
	// overtaken counts how often the lock was taken in the other state while somebody waited for this one, by side.
	overtaken [2]int
}

// side is one of the two states.
type side uint8

const (
	pagecacheAdd   side = iota // page faults and buffered I/O
	pagecacheBlock             // direct writes and truncation
)

// starvation is how often in a row a waiter may be overtaken at all, by the fairness that anybody expects of a lock.
const starvation = 16

// overtakings is how often a waiter may be overtaken before its deadline has passed.
const overtakings = 4

func newTwoStateLock(ino *iomap.Inode) *twoStateLock {
	l := &twoStateLock{deadline: ino.Sb.Behaviour.TwoState == iomap.TwoStateDeadline}
	l.q.Init(ino.Sb.Sched, sched.Label{Class: "pagecache lock", Of: ino.Name(), Unordered: true})
	return l
}

// lock takes the lock in a state (bch2_two_state_lock).
func (l *twoStateLock) lock(t *sched.Task, s side) {
	t.Acquiring(l.q.Obj())
	waits := false
	l.q.Wait(t, "two_state_lock", func() bool {
		if l.free(s) {
			return true
		}
		if !waits {
			waits = true
			l.waiters[s]++
		}
		return false
	})
	if waits {
		l.waiters[s]--
		if l.waiters[s] == 0 {
			l.overtaken[s] = 0
		}
	}
	l.take(t, s)
}

// tryLock takes it if that is possible at once (bch2_two_state_trylock).
func (l *twoStateLock) tryLock(t *sched.Task, s side) bool {
	t.Point(sched.Op{Kind: sched.OpTry, Obj: l.q.Obj(), Name: "two_state_trylock"}, nil)
	if !l.free(s) {
		return false
	}
	l.take(t, s)
	return true
}

func (l *twoStateLock) free(s side) bool {
	if l.deadline && l.overtaken[1-s] >= overtakings && l.waiters[1-s] > 0 {
		return false
	}
	return l.holders == 0 || l.state == s
}

func (l *twoStateLock) take(t *sched.Task, s side) {
	l.holders++
	l.state = s
	if l.waiters[1-s] > 0 {
		l.overtaken[1-s]++
		l.q.Overtaken("the page cache lock", starvation)
	}
	t.Acquired(l.q.Obj(), true)
}

// unlock gives it back (bch2_two_state_unlock). The task that took it need not be the one that does: completions do.
func (l *twoStateLock) unlock(t *sched.Task) {
	if t.Sched().Killing() {
		return
	}
	t.Point(sched.Op{Kind: sched.OpUnlock, Obj: l.q.Obj(), Name: "two_state_unlock"}, nil)
	t.Released(l.q.Obj())
	if l.holders--; l.holders == 0 {
		l.q.Wake()
	}
}
