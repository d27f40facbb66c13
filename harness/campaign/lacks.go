package campaign

import (
	"fmt"
	"slices"
	"strings"

	"github.com/iomapcheck/iomapcheck/harness/fsys"
	"github.com/iomapcheck/iomapcheck/harness/prog"
)

// lacks says why a program cannot be tried on a file system, by what the program does; "" where it can. It spares the cases a row
// each for what follows from their operations.
func lacks(s fsys.Spec, p prog.Program) string {
	if why := parts(s, p); why != "" {
		return why
	}
	if realtime(p) && s.VariantName() != "rt" {
		return "there is no real-time device; see xfs/rt"
	}
	if p.FillsQuota() && !s.HasQuota() {
		return noQuota(s)
	}
	switch {
	case s.Name() == "zonefs" && s.Variant.FileSize > 0:
		return conventional(p, s.Variant.FileSize)
	case s.Name() == "zonefs":
		return sequential(p)
	case s.VariantName() == "dax":
		return noCache(p)
	case s.Attr() == string(prog.AttrJournal):
		return direct(p, "a file with journalled data cannot be opened with O_DIRECT (gfs2_set_aops)")
	case s.VariantName() == "compress":
		return direct(p, "compressed extents are read and written through the page cache (btrfs_dio_iomap_begin)")
	case s.BlockSize() > ordinaryBlock:
		return smallDirect(p, s.BlockSize())
	}
	return ""
}

// ordinaryBlock and ordinarySector are the sizes, in bytes, that programs have in mind.
const (
	ordinaryBlock  = 4096
	ordinarySector = 512
)

func realtime(p prog.Program) bool {
	return slices.ContainsFunc(p.Steps(), func(s prog.Step) bool { return s.Op.Attr == prog.AttrRealtime })
}

// noQuota says where there are quotas.
func noQuota(s fsys.Spec) string {
	const why = "no account is kept of what users have"
	if _, err := fsys.Parse(s.Name() + "/quota"); err != nil {
		return why
	}
	return fmt.Sprintf("%s: it is mounted without; see %s/quota", why, s.Name())
}

// direct says why a program with direct I/O cannot be tried, "" for one without.
func direct(p prog.Program, why string) string {
	for _, s := range p.Steps() {
		if s.Op.Direct() {
			return fmt.Sprintf("op %d: %s: %s", s.N, s.Op, why)
		}
	}
	return ""
}

// smallDirect: what is a block to the program is a part of one, whose rest has to be zeroed or waited for.
func smallDirect(p prog.Program, block int64) string {
	for _, s := range p.Steps() {
		if s.Op.Direct() && (s.Op.Off%block != 0 || s.Op.Len%block != 0) {
			return fmt.Sprintf("op %d: %s: direct I/O to parts of a block of %d bytes", s.N, s.Op, block)
		}
	}
	return ""
}

// parts: direct I/O of a part of a block, which some file systems refuse, or of a part of a sector, which every one does.
func parts(s fsys.Spec, p prog.Program) string {
	unit, what := s.Device().SectorSize(), "sectors"
	if s.Name() == "bcachefs" || s.Name() == "zonefs" {
		unit, what = s.BlockSize(), "blocks"
	}
	for _, step := range p.Steps() {
		if op := step.Op; unit > ordinarySector && op.Direct() && (op.Off|op.Len)%unit != 0 && !op.Expect.MustFail {
			return fmt.Sprintf("op %d: %s: direct I/O is of whole %s there", step.N, op, what)
		}
	}
	return ""
}

// sequential: files that are written directly, in order, and in no other way. Writes that the program wants refused may be anywhere.
func sequential(p prog.Program) string {
	end := map[string]int64{}
	loop := 0 // the step after the innermost loop's last
	for _, s := range p.Steps() {
		op := s.Op
		if op.Verb == prog.VRepeat || op.Verb == prog.VUntil {
			loop = max(loop, s.N+prog.Size([]prog.Op{op}))
		}
		if op.Expect.MustFail {
			continue
		}
		switch why := shapes(op); {
		case why != "" && (op.Verb != prog.VTruncate || op.Len != 0):
			return why
		case op.Verb == prog.VTruncate:
			end[op.File] = 0
		case op.Verb.Writes() && !op.Direct() || op.Verb == prog.VCopyRange:
			return fmt.Sprintf("op %d: %s: a sequential zone is written directly, and in no other way (zonefs_file_buffered_write)", s.N, op)
		case op.Verb.Writes() && (op.Off != end[op.File] || s.N < loop) && !refused(p, op):
			return fmt.Sprintf("op %d: %s: a sequential zone is written at its write pointer, and never overwritten (zonefs_file_dio_write)", s.N, op)
		case op.Verb.Writes() && !refused(p, op):
			end[op.File] = op.Off + op.Len
		}
	}
	return ""
}

// refused says whether the program wants an asynchronous write refused, which its reap tells.
func refused(p prog.Program, write prog.Op) bool {
	for _, s := range p.Steps() {
		if s.Op.Verb == prog.VReap && s.Op.AIO == write.AIO && write.AIO != "" {
			return s.Op.Expect.MustFail
		}
	}
	return false
}

// conventional: files of one size, which nothing changes. A program fits that writes the whole of each file first.
func conventional(p prog.Program, size int64) string {
	known := map[string]bool{}
	for _, s := range p.Steps() {
		op := s.Op
		if why := shapes(op); why != "" {
			return why
		}
		if op.File == "" || !op.Verb.IsData() || known[op.File] && (op.To == "" || known[op.To]) {
			continue
		}
		if !op.Verb.Writes() || op.Off != 0 || op.Len != size {
			return fmt.Sprintf("op %d: %s: the files have %d bytes from the start, and the program begins with an empty one", s.N, op, size)
		}
		known[op.File] = true
	}
	return ""
}

// shapes says that an operation changes what a zone is.
func shapes(op prog.Op) string {
	switch op.Verb {
	case prog.VTruncate, prog.VFallocate, prog.VClone, prog.VAttr:
		return fmt.Sprintf("%s: a file is a zone of the disk, whose blocks cannot be given or taken", op)
	}
	return ""
}

// noCache: files without page cache, whose data do not go through the block layer, nor direct I/O through iomap_dio_rw.
func noCache(p prog.Program) string {
	for _, s := range p.Steps() {
		switch s.Op.Verb {
		case prog.VHold, prog.VFail, prog.VAwaitHeld:
			return fmt.Sprintf("op %d: %s: with DAX data are copied, so that there are no requests of the disk for them", s.N, s.Op)
		case prog.VResident, prog.VReadahead, prog.VFlood:
			return fmt.Sprintf("op %d: %s: with DAX there is no page cache", s.N, s.Op)
		}
	}
	for _, event := range p.Events() {
		if strings.Contains(event, "iomap_dio_") {
			return fmt.Sprintf("%s: with DAX O_DIRECT is carried out by dax_iomap_rw", event)
		}
		if strings.HasPrefix(event, "filemap:mm_filemap_") || strings.HasSuffix(event, ":do_page_mkwrite") {
			return fmt.Sprintf("%s: with DAX there is no page cache", event)
		}
	}
	return ""
}
