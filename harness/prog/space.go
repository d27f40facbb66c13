package prog

import "slices"

// FillDisk leaves n bytes of the file system free for data: a file of the task's own, which no directory shows, takes the rest
// (fallocate(2)). The space comes back when the task has ended or the file system is mounted anew.
func FillDisk(n int64) Op { return Op{Verb: VFillDisk, Len: n} }

// FillQuota leaves n bytes of the quota of the owner of the program's files: they are given to a user that is not root, whose hard limit is
// what it has and n. On btrfs it is the subvolume's. It counts for the task's own writes until the task has ended or the file system is
// mounted anew; like FileLimit not for an operation that may block.
func FillQuota(n int64) Op { return Op{Verb: VFillQuota, Len: n} }

// FileLimit is the largest size, in bytes, to which the task's own reads and writes may bring a file (RLIMIT_FSIZE); NoLimit
// ends it. A write that begins at or behind it fails with EFBIG, and one that crosses it ends there. An operation that may block is
// carried out by a process of its own, for which it does not count.
func FileLimit(n int64) Op { return Op{Verb: VFileLimit, Len: n} }

// FillsDisk says whether the program takes the file system's free space or the quota away, so that a target has to keep account of what
// is free.
func (p Program) FillsDisk() bool { return p.has(VFillDisk) || p.FillsQuota() }

// FillsQuota says whether the program needs a file system with quotas.
func (p Program) FillsQuota() bool { return p.has(VFillQuota) }

func (p Program) has(v Verb) bool {
	return slices.ContainsFunc(p.Steps(), func(s Step) bool { return s.Op.Verb == v })
}

// space checks the operations of this file.
func (c *checker) space(s Step) {
	switch op := s.Op; {
	case (op.Verb == VFillDisk || op.Verb == VFillQuota) && s.InLoop:
		c.fail(s.N, "%s in a loop: the first has left nothing to take", op.Verb)
	case op.Verb == VFileLimit && op.Len < 0 && op.Len != NoLimit:
		c.fail(s.N, "file-limit %d: want a size, or none", op.Len)
	}
}

// reapsInLoop says whether a request that is submitted in a loop is reaped behind that in the same body, so that its name is free
// again when the next turn begins.
func (p Program) reapsInLoop(s Step) bool {
	body := p.bodyOf(s.N)
	for i, op := range body {
		if op.AIO == s.Op.AIO && op.Verb != VReap {
			for _, later := range body[i+1:] {
				if later.Verb == VReap && later.AIO == s.Op.AIO {
					return true
				}
			}
		}
	}
	return false
}

// bodyOf is the block that holds operation n.
func (p Program) bodyOf(n int) []Op { return bodyOf(p.Ops, 0, n) }

func bodyOf(ops []Op, first, n int) []Op {
	for _, op := range ops {
		size := Size([]Op{op})
		switch {
		case n == first:
			return ops
		case n < first+size:
			return bodyOf(op.Body, first+1, n)
		}
		first += size
	}
	return nil
}
