// Package cases is the catalogue: every rule that iomapcheck checks, a folder a theme and a file a rule, as data.
package cases

import (
	"github.com/iomapcheck/iomapcheck/cases/coherence"
	"github.com/iomapcheck/iomapcheck/cases/durability"
	"github.com/iomapcheck/iomapcheck/cases/fallback"
	"github.com/iomapcheck/iomapcheck/cases/foliolock"
	"github.com/iomapcheck/iomapcheck/cases/progress"
	"github.com/iomapcheck/iomapcheck/cases/regress"
	"github.com/iomapcheck/iomapcheck/harness/prog"
)

// Catalogue lists every case, by theme.
func Catalogue() []prog.Case {
	var all []prog.Case
	all = append(all, coherence.Cases()...)
	all = append(all, fallback.Cases()...)
	all = append(all, foliolock.Cases()...)
	all = append(all, progress.Cases()...)
	all = append(all, regress.Cases()...)
	all = append(all, durability.Cases()...)
	return all
}
