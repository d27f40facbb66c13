package sched

import "strconv"

// OpKind says what a task is about to do at a scheduling point.
type OpKind uint8

// The kinds of operation. Strategies and the trace hash see them; they do not change what a point does.
const (
	OpStart  OpKind = iota // a task's first step
	OpStep                 // a named step of the model that reads or changes shared state
	OpLock                 // acquire exclusively
	OpRLock                // acquire shared
	OpTry                  // try to acquire
	OpUnlock               // release
	OpWait                 // wait for a condition
	OpWake                 // make a condition true
	OpSubmit               // hand a request to a device
	OpFinish               // a device finishes a request
	OpJoin                 // wait for a task to end
	OpSleep                // wait for virtual time
)

// String returns the kind's name as traces print it.
func (k OpKind) String() string {
	names := [...]string{"start", "step", "lock", "rlock", "try", "unlock", "wait", "wake", "submit", "finish", "join", "sleep"}
	if int(k) < len(names) {
		return names[k]
	}
	return "op" + strconv.Itoa(int(k))
}

// Kinds is a set of kinds.
type Kinds uint16

// Has says whether k is in the set.
func (s Kinds) Has(k OpKind) bool { return s>>k&1 != 0 }

// AllKinds lists every kind.
func AllKinds() []OpKind {
	var all []OpKind
	for k := OpStart; k <= OpSleep; k++ {
		all = append(all, k)
	}
	return all
}

// ObjID identifies a shared object of one execution: a lock, a wait queue, a folio. 0 is no object. The same program and
// the same choices give the same numbers.
type ObjID uint32

// Op is an announced operation: what the task does when it is chosen next.
type Op struct {
	Kind OpKind
	Obj  ObjID
	Name string // what the step is, usually a kernel function; must be a constant string, so that points allocate nothing
}

// Gate is a condition as one integer: 0 is open, anything else closed. A task whose announced operation has a closed gate
// is blocked. Gates change only between scheduling points, by the task that runs.
type Gate = int32

// Label names an object for people. Its parts are kept apart so that naming an object costs nothing until it is printed.
type Label struct {
	Class string // "i_rwsem", "folio lock", "inode_dio_wait": also the class for the lock-order checker
	Of    string // the file or device it belongs to, "" for none
	Index int64  // its number, for classes that have many in one file
	Many  bool   // Index counts
	// Unordered: the lock-order checker does not know of it, because those who wait for it have a protocol instead of an order.
	Unordered bool
}

// Short returns the label without what it belongs to: "i_rwsem", "folio lock 3".
func (l Label) Short() string {
	if !l.Many {
		return l.Class
	}
	return l.Class + " " + strconv.FormatInt(l.Index, 10)
}

// String returns the whole label: "folio lock 3 of f".
func (l Label) String() string {
	if l.Of == "" {
		return l.Short()
	}
	return l.Short() + " of " + l.Of
}

// NewObj registers a shared object and returns its number.
func (s *Sched) NewObj(l Label) ObjID {
	s.objs = append(s.objs, l)
	return ObjID(len(s.objs))
}

// Label returns the label an object was registered with, the zero Label for 0.
func (s *Sched) Label(id ObjID) Label {
	if id == 0 || int(id) > len(s.objs) {
		return Label{}
	}
	return s.objs[id-1]
}
