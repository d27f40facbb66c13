package disk

import (
	"fmt"
	"math/bits"
	"strings"
)

// Op is what a request asks of the disk.
type Op uint8

// The operations. They follow the NBD commands, and so the kernel's REQ_OP_READ, REQ_OP_WRITE, REQ_OP_FLUSH,
// REQ_OP_DISCARD and REQ_OP_WRITE_ZEROES.
const (
	OpRead Op = iota
	OpWrite
	OpFlush
	OpTrim
	OpZero
	numOps
)

// opName gives each operation its spelling in events and errors.
func opName(o Op) string {
	names := [numOps]string{OpRead: "read", OpWrite: "write", OpFlush: "flush", OpTrim: "trim", OpZero: "zero"}
	if o >= numOps {
		return fmt.Sprintf("op(%d)", uint8(o))
	}
	return names[o]
}

// String returns the operation's name: read, write, flush, trim or zero.
func (o Op) String() string { return opName(o) }

// Changes reports whether the operation changes the contents of its range.
func (o Op) Changes() bool { return o == OpWrite || o == OpTrim || o == OpZero }

// OpSet is a set of operations: bit 1<<op is set for each member.
type OpSet uint8

// The sets a program names. Writes includes zeroing because filesystems use REQ_OP_WRITE_ZEROES where others write zeroes;
// DataWrites leaves it out.
const (
	Reads      OpSet = 1 << OpRead
	DataWrites OpSet = 1 << OpWrite
	Flushes    OpSet = 1 << OpFlush
	Trims      OpSet = 1 << OpTrim
	Zeroes     OpSet = 1 << OpZero
	Writes     OpSet = DataWrites | Zeroes
	AllOps     OpSet = 1<<numOps - 1
)

// Has reports whether the set contains the operation.
func (s OpSet) Has(o Op) bool { return s&(1<<o) != 0 }

// namedSet is one word of the text form of an OpSet.
type namedSet struct {
	name string
	set  OpSet
}

// namedSets lists the words, larger sets first: String takes the first word that fits into what is left.
func namedSets() []namedSet {
	return []namedSet{
		{"all", AllOps}, {"writes", Writes}, {"reads", Reads}, {"data-writes", DataWrites},
		{"zeroes", Zeroes}, {"flushes", Flushes}, {"trims", Trims},
	}
}

// String returns the set as words joined by commas, such as "writes,flushes"; the empty set is "none".
func (s OpSet) String() string {
	if s == 0 {
		return "none"
	}
	words := make([]string, 0, bits.OnesCount8(uint8(s)))
	for _, n := range namedSets() {
		if s&n.set == n.set {
			words = append(words, n.name)
			s &^= n.set
		}
	}
	if s != 0 {
		words = append(words, fmt.Sprintf("ops(%#x)", uint8(s)))
	}
	return strings.Join(words, ",")
}
