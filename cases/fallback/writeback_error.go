package fallback

import (
	"github.com/iomapcheck/iomapcheck/cases/rows"
	"github.com/iomapcheck/iomapcheck/harness/prog"
)

// The writeback that a direct write starts can fail. Since 6.5 the write then falls back; before, it failed with the error.
// Neither may tear the data or let the kernel's own code out.
func writebackError() prog.Case {
	return prog.Case{
		ID:     "fallback/writeback-error",
		Rule:   "a direct write whose own writeback of the cache fails either fails with that error or is done in full; ENOTBLK stays in the kernel",
		Kernel: "kiocb_invalidate_pages → filemap_write_and_wait_range",
		Source: "seed thread 3: which errors must not be turned into a fallback; iomap: use kiocb_write_and_wait and kiocb_invalidate_pages (6.5)",
		Needs:  []string{"disk"},
		Variants: []prog.Variant{{Program: prog.New(
			prog.Write("f", 0, whole, 'o'), prog.Fsync("f"),
			prog.Write("f", 0, whole, 'd'),
			prog.Fail(prog.Writes, "EIO", 1).Of("f", 0, whole),
			prog.DirectWrite("f", 0, whole, 'n').MayFail("EIO").As("dio"),
			// What could not be written back may be gone with the folio that held it: the error has said so.
			prog.Read("f", 0, whole).OneOf("odn"),
		).Witness(direct())}},
		Rows: []prog.Row{
			rows.Journalled("what fails is the journal, and the filesystem with it"),
			rows.Checksummed("there is nothing to fall back from"),
			{
				FS: []string{"f2fs"}, Before: "5.18",
				Witnesses: []prog.Witness{prog.Fired("filemap:filemap_set_wb_err", 1)},
				Why:       "the cache is written back before the direct write is begun at all, and what that fails with is the write's error; shown by the writeback",
				Kernel:    "generic_file_direct_write → filemap_write_and_wait_range",
			},
			{
				FS:        []string{"bcachefs"},
				Expect:    map[string]prog.Expect{"dio": {Errnos: []string{"EIO"}, MustFail: true}},
				Witnesses: []prog.Witness{prog.Fired("filemap:filemap_set_wb_err", 1)},
				Why:       "there is no fallback: the error of the invalidation, and so of the writeback, is the write's",
				Kernel:    "bch2_direct_write → bch2_write_invalidate_inode_pages_range",
			},
		},
	}
}
