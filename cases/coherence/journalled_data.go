package coherence

import "github.com/iomapcheck/iomapcheck/harness/prog"

// Data that go through the journal are clean in the page cache before they are in place. Until then the cache is the only place where
// they can be read: their buffers belong to a transaction, and the folio must stay.
func journalledData() prog.Case {
	const size = 4 * prog.KiB
	before := []prog.Op{
		prog.SetAttr("f", prog.AttrJournal),
		prog.Write("f", 0, size, 'o'), prog.Fsync("f"), prog.DropCaches(),
		prog.Write("f", 0, size, 'n'),
	}
	return prog.Case{
		ID:     "coherence/journalled-data",
		Rule:   "journalled data are not dropped from the cache before they are in place, whenever the cache is dropped, and are durable after fsync",
		Kernel: "gfs2_release_folio (bd_tr), gfs2_jdata_writepages → gfs2_log_flush; ext4_release_folio → jbd2_journal_try_to_free_buffers, ext4_writepages",
		Source: "ext4: Commit transaction before writing back pages in data=journal mode (6.4); seed thread 2: journalled data against the shrinker",
		Variants: []prog.Variant{
			{Name: "dropped", Program: prog.New(append(before[:len(before):len(before)],
				prog.DropCaches(),
				prog.Read("f", 0, size).Returns('n'),
				prog.Fsync("f"), prog.DropCaches(),
				prog.Read("f", 0, size).Returns('n'),
				prog.Remount(),
				prog.Read("f", 0, size).Returns('n'),
			)...).Witness(cached())},
			{Name: "committing", Program: prog.New(append(before[:len(before):len(before)],
				prog.Hold(prog.Writes),
				prog.Go("syncer", prog.Fsync("f")),
				prog.AwaitHeld(1),
				prog.DropCaches(),
				prog.Read("f", 0, size).Returns('n').As("during"),
				prog.Release(), prog.Join("syncer"),
				prog.Read("f", 0, size).Returns('n'),
			)...).Witness(prog.WhileHeld("during"))},
		},
	}
}
