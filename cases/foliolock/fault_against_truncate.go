package foliolock

import "github.com/iomapcheck/iomapcheck/harness/prog"

// A folio of several pages stays when the file is cut inside it. A fault that has waited for its lock must look at the size again: its
// page may be behind the end now, although the folio is still the file's.
//
//	folio    |page 0|page 1|page 2|page 3|     truncate to 4k: page 0 stays, and the folio with it
//	loader   ……………………… page 1: in the cache; locked …… i_size: SIGBUS
func faultAgainstTruncate() prog.Case {
	const page = 4 * prog.KiB
	return prog.Case{
		ID:     "foliolock/fault-against-truncate",
		Rule:   "a load beside a truncate that takes its page away shows what the file held, or ends in SIGBUS; it leaves no page mapped behind the end",
		Kernel: "filemap_fault: i_size_read under the folio lock",
		Source: "the recheck of i_size under the folio's lock in filemap_fault; filemap: cap PTE range to be created to allowed zero fill in folio_map_range() (6.12) is a younger relative",
		Variants: []prog.Variant{{Program: prog.New(
			prog.Write("f", 0, 4*page, 'o'), prog.Fsync("f"), prog.DropCaches(),
			prog.Read("f", 0, 4*page).Returns('o'),
			prog.Go("truncater", prog.Truncate("f", page)),
			// Beside it the bytes may be zeroed already: xfs does so before it moves the end.
			prog.Load("f", page, page).OneOf("o.").MayFail("SIGBUS"),
			prog.Join("truncater"),
			prog.Load("f", page, page).Fails("SIGBUS"),
		).Witness(cached())}},
	}
}
