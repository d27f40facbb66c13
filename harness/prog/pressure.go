package prog

import (
	"fmt"
	"slices"
)

// The verbs that make memory short; see memory.go for limits and for taking memory away.
const (
	// VHog touches anonymous memory and gives it back.
	VHog Verb = "hog"
	// VFlood reads a range through the page cache and forgets what it read.
	VFlood Verb = "flood"
)

// Hog touches n bytes of anonymous memory, which nothing can be done about but to take other memory, and gives them back.
func Hog(n int64) Op { return Op{Verb: VHog, Len: n} }

// Flood reads the range through the page cache, piece by piece, and forgets what it read: all it does is to fill the cache.
func Flood(file string, off, n int64) Op { return ranged(VFlood, file, off, n) }

// Pressed is the kind of the evidence that the memory of the program's tasks was short: pages were taken from them.
const Pressed WitnessKind = "pressure"

// PagesTaken asks that reclaim took at least n pages from the cgroup of the program's tasks.
func PagesTaken(n int64) Witness { return Witness{Kind: Pressed, N: n} }

// Dial is a way to make memory short for a program that does not do so itself.
type Dial string

// The settings of the dial.
const (
	// DialNone leaves programs alone.
	DialNone Dial = ""
	// DialHigh sets memory.high below the working set, which is the program's files and one more that is read again and again.
	DialHigh Dial = "high"
	// DialMax sets memory.max below the same working set.
	DialMax Dial = "max"
	// DialReclaim has a task beside the program take what can be had (memory.reclaim), again and again.
	DialReclaim Dial = "reclaim"
	// DialHog sets memory.max, and has a task beside the program touch anonymous memory in place of the cache, again and again.
	DialHog Dial = "hog"
)

// Dials lists the settings but for DialNone.
func Dials() []Dial { return []Dial{DialHigh, DialMax, DialReclaim, DialHog} }

// Memory is how a target counts memory, which decides how much of it makes a shortage there.
type Memory struct {
	// Grain is by how much more than a program's files need the least sensible limit is, in bytes; a hog takes half of it.
	Grain int64
	// Folio is the least that the page cache holds of a file at a time, in bytes: a block, where blocks are larger than pages; 0: a page.
	Folio int64
	// Process is by how much a limit may be too wide for each process of the program, in bytes.
	Process int64
	// Rounds is how often the task beside the program does its work; 0 is until main has ended.
	Rounds int64
	// WritesBack says that reclaim which finds nothing but dirty pages has them written back by itself.
	WritesBack bool
}

// PressureError says why a program cannot be put under pressure without becoming another one.
type PressureError struct {
	Dial Dial
	Why  string
}

func (e *PressureError) Error() string {
	return fmt.Sprintf("under memory pressure (%s): %s", e.Dial, e.Why)
}

// ballastFile is the file that makes the working set larger than the limit. It is one hole, so that reading it asks nothing of the disk
// that a program holds.
const ballastFile = "ballast"

// pressureTask is the task beside the program.
const pressureTask = "pressure"

// maxWorkingSet is the largest working set, in bytes, for which a small machine can be made to be short of memory.
const maxWorkingSet = 8 * MiB

// Under is the program with its memory made short as the dial says: a limit below its working set before it begins, and more to cache
// before each step of main, or a task beside it; and evidence that pages were taken. What the program expects stays the same. A program
// that limits memory itself is left as it is. A *PressureError says that it cannot be had.
//
//	truncate ballast B …… memory high N < B …… flood ⋯ op ⋯ flood ⋯ op …… truncate ballast 0
func (p Program) Under(d Dial, m Memory) (Program, error) {
	if d == DialNone || p.LimitsMemory() {
		return p, nil
	}
	if !slices.Contains(Dials(), d) {
		return p, fmt.Errorf("no memory pressure is called %q: there are %v", d, Dials())
	}
	if why := p.dependsOnMemory(); why != "" {
		return p, &PressureError{d, why}
	}
	if why := p.holdsOldDirt(); d == DialReclaim && m.WritesBack && why != "" {
		return p, &PressureError{d, why}
	}
	limit := p.workingSet(m.Folio) + m.Grain
	ballast := limit + m.Grain + m.Process*p.processes()
	var start []Op
	switch d {
	case DialHigh:
		start = []Op{MemoryHigh(limit)}
	case DialMax:
		start = []Op{MemoryMax(limit)}
	case DialReclaim:
		ballast = m.Grain
		start = []Op{Go(pressureTask, m.beside(Reclaim(maxFile))...)}
	case DialHog:
		start = []Op{MemoryMax(limit), Go(pressureTask, m.beside(Hog(m.Grain/2))...)}
	}
	start = append([]Op{Truncate(ballastFile, ballast)}, start...)
	press := []Op{Flood(ballastFile, 0, ballast)}
	if d == DialReclaim {
		// The task beside main may have had all its turns while main waited.
		press = append(press, Reclaim(ballast))
	}
	p.Ops = slices.Concat(start, flooded(p.Ops, press), []Op{Truncate(ballastFile, 0)})
	return p.Witness(PagesTaken(1)), nil
}

// beside is what the task beside main does. A few rounds are no loop: the engine watches programs without loops for livelocks.
func (m Memory) beside(op Op) []Op {
	if m.Rounds > 0 {
		return slices.Repeat([]Op{op}, int(m.Rounds))
	}
	return []Op{Until("main", op)}
}

// workingSet is what the page cache holds of the program's files at most, in bytes, in folios that are not smaller than folio.
func (p Program) workingSet(folio int64) int64 {
	folio = max(folio, pageSize)
	var sum int64
	for _, f := range p.Files() {
		sum += (p.Extent(f) + folio - 1) / folio * folio
	}
	return sum
}

// processes is how many tasks run at most, main and the one beside it among them.
func (p Program) processes() int64 {
	n := int64(2)
	for _, s := range p.Steps() {
		if s.Op.Verb == VGo || s.Op.Expect.MayBlock {
			n++
		}
	}
	return n
}

// maxFloods is how often a program's cache is flooded: in a long program not before every step, but evenly.
const maxFloods = 12

// flooded is main with the cache flooded before its steps that the kernel carries out, and before what is held is let go. Limits end with
// a power cut, and so does the flood.
func flooded(ops, press []Op) []Op {
	steps := 0
	for _, op := range ops {
		if op.needsCache() {
			steps++
		}
	}
	every := (steps + maxFloods - 1) / maxFloods
	var out []Op
	at := 0
	for i, op := range ops {
		if op.Verb == VCut {
			return append(out, ops[i:]...)
		}
		if op.needsCache() {
			if at%every == 0 {
				out = append(out, press...)
			}
			at++
		}
		out = append(out, op)
	}
	return out
}

// needsCache says whether what the operation finds cached may matter.
func (op Op) needsCache() bool { return op.Verb.IsData() || op.Verb == VRelease }

// dependsOnMemory says which operation of the program means something else once memory is short, "" for none.
func (p Program) dependsOnMemory() string {
	if slices.Contains(p.Files(), ballastFile) || slices.ContainsFunc(p.Steps(), func(s Step) bool { return s.Op.Task == pressureTask }) {
		return fmt.Sprintf("the program has a file %s or a task %s of its own", ballastFile, pressureTask)
	}
	if n := p.workingSet(pageSize); n > maxWorkingSet {
		return fmt.Sprintf("the files are %s long, want %s at most", FormatSize(n), FormatSize(maxWorkingSet))
	}
	held := false // main holds reads
	for _, s := range p.Steps() {
		op := s.Op
		switch {
		case op.Verb == VHold && op.Reqs&Reads != 0:
			held = true
		case op.Verb == VRelease && op.Which == All:
			held = false
		}
		if why := op.dependsOnMemory(held && s.Task == "main"); why != "" {
			return fmt.Sprintf("op %d: %s: %s", s.N, op, why)
		}
	}
	return ""
}

// dependsOnMemory says why the operation does; held says that it must not need the disk.
func (op Op) dependsOnMemory(held bool) string {
	cached := op.Verb.IsData() && !op.Direct() && op.Len > 0 && (op.Verb.Reads() || op.Verb.Writes()) || op.Buffer.Kind == Via
	switch {
	case op.Verb == VResident && slices.ContainsFunc(op.Expect.Counts, func(n int64) bool { return n > 0 }):
		return "what is to be resident may have been reclaimed"
	case op.Flags&NoWait != 0 && !op.Direct() && !slices.Contains(op.Expect.Errnos, "EAGAIN"):
		return "what it must find without waiting may have been reclaimed"
	case held && cached && !op.Expect.MayBlock:
		return "it would wait for the disk, whose reads are held, where the page has been reclaimed"
	}
	return ""
}

// holdsOldDirt says which hold is for the writeback of what was dirtied before it, "" for none: it comes too late where reclaim has had
// that written (shrink_inactive_list → wakeup_flusher_threads).
func (p Program) holdsOldDirt() string {
	dirty := false
	for _, s := range p.Steps() {
		op := s.Op
		switch {
		case op.Verb.Writes() && !op.Direct() && op.Flags&DSync == 0:
			dirty = true
		case op.Verb == VFsync || op.Verb == VFdatasync || op.Verb == VRemount:
			dirty = false
		case dirty && op.Verb == VHold && op.Reqs&Writes != 0:
			return fmt.Sprintf("op %d: %s: what is dirty then may have been written before, since reclaim that finds nothing clean has it written", s.N, op)
		}
	}
	return ""
}
