package foliolock

import "github.com/iomapcheck/iomapcheck/harness/prog"

// gfs2 adds the buffers of journalled data to its transaction when they have been written. An unlocked folio may lose its buffers to
// the shrinker at any time, so that the hook that does it must come before the unlock.
//
//	iomap_write_end   copied …… hook: gfs2_trans_add_databufs …… folio_unlock …… the shrinker may come
func hookBeforeUnlock() prog.Case {
	const size = 4 * prog.KiB
	ordered := []prog.EventRule{
		prog.InOrder("iomapcheck:gfs2_trans_add_databufs", "iomapcheck:folio_unlock"),
		prog.MustFire("iomapcheck:gfs2_trans_add_databufs", 1),
	}
	return prog.Case{
		ID:     "foliolock/hook-before-unlock",
		Rule:   "journalled data join their transaction while their folio is locked, so that the shrinker cannot take their buffers first, and are durable after fsync",
		Kernel: "gfs2_iomap_put_folio → gfs2_trans_add_databufs, folio_unlock",
		Source: "iomap/gfs2: Unlock and put folio in page_done handler (6.3): seed thread 2",
		Needs:  []string{"trace"},
		Variants: []prog.Variant{
			{Program: prog.New(
				prog.SetAttr("f", prog.AttrJournal),
				prog.Write("f", 0, size, 'n'), prog.Fsync("f"),
				prog.DropCaches(), prog.Read("f", 0, size).Returns('n'),
			).Require(ordered...).Witness(cached())},
			// With somebody who shrinks the cache at that very time.
			{Name: "reclaim", Program: prog.New(
				prog.SetAttr("f", prog.AttrJournal),
				prog.Go("shrinker", prog.Reclaim(size), prog.Reclaim(size)),
				prog.Write("f", 0, size, 'n'), prog.Write("f", size, size, 'n'),
				prog.Join("shrinker"), prog.Fsync("f"),
				prog.DropCaches(), prog.Read("f", 0, 2*size).Returns('n'),
			).Require(ordered...).Witness(cached())},
		},
		Rows: []prog.Row{
			{
				FS:          []string{"ext4"},
				Unsupported: "ext4 needs no hook: it writes through functions of its own, which unlock the folio last",
				Why:         "journalled data are marked in ext4_journalled_write_end, with the folio locked",
				Kernel:      "ext4_journalled_write_end",
			},
			{
				FS:          []string{"xfs", "btrfs"},
				Unsupported: "no data are journalled there, so that there is nothing to be done under the folio's lock",
				Why:         "the attribute is refused",
				Kernel:      "xfs_fileattr_set, btrfs_fileattr_set",
			},
			{
				FS: []string{"gfs2"}, Before: "6.3", Known: true,
				Rules: []prog.EventRule{
					prog.InOrder("iomapcheck:gfs2_page_add_databufs", "iomapcheck:folio_unlock"),
					prog.MustFire("iomapcheck:gfs2_page_add_databufs", 1),
				},
				Why:    "the hook runs when the folio is unlocked",
				Kernel: "gfs2_iomap_page_done → gfs2_page_add_databufs",
				Commit: "iomap/gfs2: Unlock and put folio in page_done handler",
			},
		},
	}
}
