package durability

import "github.com/iomapcheck/iomapcheck/harness/prog"

// Blocks that one file gives up and another gets are the first one's until its log is durable: a power cut that takes the log's entry away, and
// leaves the new data, must not show them in the old file.
//
//	f   o, durable ── truncate to 0, not durable ……………………………………………………………… │ power cut │ o, or empty
//	g   …………………………………………………………………… direct write x into the blocks, kept by the disk ┘
func freedBlocks() prog.Case {
	return prog.Case{
		ID:     "durability/freed-blocks",
		Rule:   "after a power cut no file shows data that were written to blocks which it had given up",
		Kernel: "xfs_extent_busy_insert, ext4_mb_free_metadata (s_freed_data_list), btrfs' pinned extents, gfs2_free_di",
		Source: "XFS delayed logging design: busy extents; xfstests generic/042",
		Needs:  []string{"disk"},
		Variants: []prog.Variant{{Program: prog.New(
			prog.Write("f", 0, whole, 'o'), prog.Fsync("f"),
			prog.Write("h", 0, whole, 'o'), prog.Fsync("h"),
			prog.Truncate("f", 0),
			prog.DirectWrite("g", 0, whole, 'x'),
			prog.DirectWrite("h", 0, 4*prog.KiB, 'y'), prog.DirectWrite("h", 4*prog.KiB, 4*prog.KiB, 'y'),
			// The last two writes are lost; the one to the blocks in question is older.
			prog.Cut().Keeping(prog.KeepOldest, 1),
			prog.Read("f", 0, whole).OneOf("o").Counts(0, whole),
			prog.Read("h", 0, whole).OneOf("oy"),
		).Witness(prog.WritesLost(1))}},
		Rows: []prog.Row{journalled()},
	}
}

// A disk may write its cache back in any order. Whatever of it survives a power cut, each block of a file is old or new, blocks that
// were new hold zeros or the data, and nothing is of nobody.
func unflushedWrites() prog.Case {
	program := func(off int64, fills string) prog.Program {
		does := []prog.Op{}
		for i := range int64(4) {
			does = append(does, prog.DirectWrite("f", off+i*4*prog.KiB, 4*prog.KiB, 'n'))
		}
		does = append(does, prog.Cut().Keeping(prog.KeepSome, 0),
			prog.Read("f", 0, off+whole).OneOf(fills).Counts(whole, whole+4*prog.KiB, whole+8*prog.KiB, whole+12*prog.KiB, 2*whole))
		return prog.New(append(settled(), does...)...).Witness(prog.WritesLost(1))
	}
	return prog.Case{
		ID:     "durability/unflushed-writes",
		Rule:   "after a power cut that keeps any part of what was not flushed, files hold what they held, what was written since, or zeros where nothing was",
		Kernel: "xfs: unwritten extents until the data are there; ext4, gfs2: data before the log (data=ordered); btrfs: new blocks",
		Source: "xfstests generic/042, generic/392 (stale data and sizes after a shutdown)",
		Needs:  []string{"disk"},
		Variants: []prog.Variant{
			{Name: "overwrite", Program: program(0, "on")},
			{Name: "append", Program: program(whole, ".on")},
		},
		Rows: []prog.Row{journalled(), {
			FS: []string{"gfs2"}, Variants: []string{"append"},
			Unsupported: "a direct write beyond the end of the file is buffered and made durable at once, so that there is nothing to lose",
			Why:         "the buffered rest of a direct write is synced whatever the caller asked for",
			Kernel:      "gfs2_file_write_iter: IOCB_DSYNC for the fallback",
		}},
	}
}
