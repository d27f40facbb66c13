// Package coherence has the cases of the first theme: direct, buffered and mapped I/O agree.
package coherence

import "github.com/iomapcheck/iomapcheck/harness/prog"

// Cases lists the theme's cases.
func Cases() []prog.Case { return []prog.Case{postWriteInvalidation()} }
