// Package fallback has the cases of the second theme: a direct write that cannot invalidate the page cache falls back to
// buffered I/O, and the application never notices.
package fallback

import "github.com/iomapcheck/iomapcheck/harness/prog"

// Cases lists the theme's cases.
func Cases() []prog.Case { return []prog.Case{redirtyDuringWriteback()} }
