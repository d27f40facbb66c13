// Package progress has the cases of the fourth theme: truncate, and direct I/O itself, get forward progress, and wait for
// what they must wait for.
package progress

import "github.com/iomapcheck/iomapcheck/harness/prog"

// Cases lists the theme's cases.
func Cases() []prog.Case {
	return []prog.Case{
		truncateWaitsForDIO(), punchWaitsForDIO(), truncateAgainstReads(), fsyncAgainstWrites(), selfMappedBuffer(), daxTruncate(), oomKill(),
		truncateAgainstAIO(), dioAgainstFaults(), daxBuffer(),
	}
}
