package regress

import (
	"github.com/iomapcheck/iomapcheck/cases/rows"
	"github.com/iomapcheck/iomapcheck/harness/prog"
)

// Unmounting writes back what is dirty, stores through mappings included.
func storeLostAtUnmount() prog.Case {
	const whole = 64 * prog.KiB
	return prog.Case{
		ID:     "regress/store-lost-at-unmount",
		Rule:   "what a store through a mapping has left dirty is in the file after an unmount and a mount",
		Kernel: "generic_shutdown_super → sync_filesystem",
		Source: "found by the programs of coherence/ on Debian's 6.12.117",
		Variants: []prog.Variant{{Program: prog.New(
			prog.Write("f", 0, whole, 'o'), prog.Fsync("f"),
			prog.Store("f", 0, whole, 's'),
			prog.Remount(),
			prog.Read("f", 0, whole).Returns('s'),
			prog.DirectRead("f", 0, whole).Returns('s'),
		).Witness(direct())}},
		Rows: []prog.Row{
			rows.Journalled("the last read is a buffered one"),
			{
				// 6.1.192 and 7.2.13 were seen to be good, 6.12.117 and 6.17.13 not to be; nothing between them was tried.
				FS: []string{"gfs2"}, Target: "vm", Since: "6.12", Before: "7.2", Known: true,
				Why:    "the store is not in the file after the unmount, and nothing says so",
				Kernel: "gfs2_kill_sb, gfs2_put_super",
			},
		},
	}
}
