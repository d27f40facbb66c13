package campaign

import "github.com/iomapcheck/iomapcheck/harness/prog"

// absent are the rows that stand before those of every case: file systems that kernels of a release did not have, or do not have any
// more. On a real kernel that is found by probing.
func absent() []prog.Row {
	row := func(fs, since, before, why, kernel string) prog.Row {
		return prog.Row{FS: []string{fs}, Target: "refengine", Since: since, Before: before, Unsupported: why, Why: why, Kernel: kernel}
	}
	return []prog.Row{
		row("bcachefs", "", "6.7", "bcachefs came with 6.7", "fs/bcachefs"),
		row("bcachefs", "6.18", "", "bcachefs went with 6.18", "fs/bcachefs"),
		row("xfs/16k", "", "6.12", "blocks larger than pages came with 6.12", "xfs_fs_fill_super"),
	}
}
