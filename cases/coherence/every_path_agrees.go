package coherence

import (
	"github.com/iomapcheck/iomapcheck/cases/rows"
	"github.com/iomapcheck/iomapcheck/harness/prog"
)

// What one path wrote, every other path reads: a variant for each path that writes and what it writes over, in which each path that
// reads is the first to do so.
//
//	place   0          1          2          …
//	        read half  read half  read half      by the path of the place
//	        write n    write n    write n        by the path of the variant
//	        read: n    read: n    read: n        by the path of the place
func everyPathAgrees() prog.Case {
	var variants []prog.Variant
	for i, w := range paths() {
		over := []prog.Variant{}
		for _, o := range overs() {
			over = append(over, prog.Variant{Name: w.name + "-" + o.name, Program: inside(w, o)})
		}
		over = append(over, prog.Variant{Name: w.name + "-end", Program: atEnd(w)}, prog.Variant{Name: w.name + "-small", Program: small(w)})
		for j, v := range over {
			v.Program = v.Program.Witness(w.taken())
			// By day: the direct write over everything, and of the others every path and every place, but not with each other.
			v.Nightly = w.name != "direct" && (i+j)%4 != 0
			variants = append(variants, v)
		}
	}
	return prog.Case{
		ID:        "coherence/every-path-agrees",
		Rule:      "what one path wrote, every other path reads: buffered, mapped, direct, asynchronous, io_uring, splice, copy_file_range, in one piece or in several, over holes, unwritten, written, dirty and shared blocks, behind the end of the file and in files of a few bytes",
		Kernel:    "filemap_read, filemap_splice_read, iter_file_splice_write, vfs_copy_file_range, __iomap_dio_rw, filemap_fault",
		Source:    "xfstests generic/095, generic/208, generic/263 and fsx, each for some pairs and by chance",
		Schedules: 4,
		Variants:  variants,
		Rows: []prog.Row{
			rows.Journalled("O_DIRECT shows nothing of its own"),
			{
				FS: []string{"xfs/dax"}, Variants: each("shared"),
				Unsupported: "a DAX file shares no blocks with others unless both are DAX and the machine can tell their owners of a failure",
				Why:         "reflink and DAX exclude each other on one file",
				Kernel:      "xfs_reflink_remap_prep (IS_DAX)",
			},
			copied("every path copies to and from the storage"),
			cachedInstead(rows.ThroughTheCache(directly("hole", "unwritten", "mapped", "dirty", "shared", "end", "small")...),
				"a direct write to a file with checksums is carried out through the page cache"),
			{
				FS: []string{"ext4/inline"}, Variants: []string{"mapped-small"}, Target: "vm", Known: true,
				Why:    "a store moves the inode's data to a block through the journal, as metadata; the checkpoint at unmount writes that copy over what the mapping stored and fsync wrote. Seen on 6.1.192 and 6.12.117",
				Kernel: "ext4_page_mkwrite → ext4_convert_inline_data_nolock: ext4_handle_dirty_metadata(data_bh)",
			},
			cachedInstead(prog.Row{FS: []string{"ext4/inline"}, Variants: directly("end", "small"), Kernel: "ext4_should_use_dio → ext4_has_inline_data"},
				"direct I/O to a file whose data is in the inode is buffered"),
			cachedInstead(prog.Row{FS: []string{"gfs2"}, Variants: directly("end", "small"), Kernel: "gfs2_file_direct_write"},
				"a direct write beyond the end of the file is always buffered"),
		},
	}
}

// directly are the variants in which a path that bypasses the cache writes over something.
func directly(overs ...string) []string {
	var names []string
	for _, w := range paths() {
		for _, o := range overs {
			if w.direct {
				names = append(names, w.name+"-"+o)
			}
		}
	}
	return names
}

// each are the variants in which a path writes over something.
func each(over string) []string {
	var names []string
	for _, w := range paths() {
		names = append(names, w.name+"-"+over)
	}
	return names
}

// cachedInstead is the row of a file system that takes another path than it was asked to.
func cachedInstead(r prog.Row, why string) prog.Row {
	r.Why, r.Witnesses = why, []prog.Witness{cached()}
	return r
}

// taken is the witness that the path was.
func (p path) taken() prog.Witness {
	n := int64(len(paths()))
	switch {
	case p.direct:
		return prog.Fired("iomapcheck:__iomap_dio_rw", n)
	case p.name == "mapped":
		return prog.Fired("iomapcheck:do_page_mkwrite", n)
	case p.name == "uring":
		return prog.Fired("io_uring:io_uring_complete", n)
	case p.name == "splice":
		return prog.Fired("iomapcheck:iter_file_splice_write", n)
	case p.name == "copy":
		return prog.Fired("iomapcheck:vfs_copy_file_range", n)
	}
	return cached()
}
