// Package compare puts stock tests of xfstests beside our rules, on the kernels that both were run on: what the tests said and how often they reached,
// on their way, the kernel's branches that iomapcheck is about; and for each situation that such a branch stands for, how often our rule brought
// it about, and how long that took. Both are read from runs that were kept.
//
//	situation.go            the data: situation → stock tests and branch → our rules
//	read.go                 verdicts of both kinds, by kernel
//	stock.go, ours.go       what each kind shows of a situation
//	markdown.go, text.go    the two tables
package compare
