// Package fallback has the cases of the second theme: a direct write that cannot be done directly is done through the page
// cache, completely, without the application's noticing.
package fallback

import "github.com/iomapcheck/iomapcheck/harness/prog"

// Cases lists the theme's cases.
func Cases() []prog.Case {
	return []prog.Case{
		redirtyDuringWriteback(), writebackError(), hole(), refusedByDisk(), zonefsBusy(),
		noSpace(), noQuota(), fileLimit(), heldInMemory(), outcomes(),
	}
}

// whole is the size of the cases' files, several folios, and sector the least that is written directly.
const (
	whole  = 64 * prog.KiB
	sector = 512
)

// direct is the witness that direct I/O was tried.
func direct() prog.Witness { return prog.Fired("iomapcheck:__iomap_dio_rw", 1) }
