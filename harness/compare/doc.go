// Package compare tells a change from chance: what runs of the same units on two kernels show, the base and the patched one, and where that
// differs.
//
// Observe takes from an execution what is worth comparing, and nothing else:
//
//	verdict       what the judge says, with the rule
//	witness W     whether the evidence of the case's situation was there
//	bypassed N    how many operations went past operation N, whose progress is bounded by their number
//	failed invalidations, bytes written through the page cache by direct writes
//	latency       how long operations took that nothing held up
//
// All but the last are facets of a unit: each kernel shows a sequence of values, one a round. Chance says how probable it is that chance deals
// the values out as unevenly: the exact share of all ways to deal them (a permutation test), so that nothing is assumed of how they are
// distributed. A Study judges all facets together, so that the many that are looked at do not make a change of what is one in so many by
// chance: of twenty studies of two kernels that are alike, nineteen find nothing. Latencies are compared between kernels over all units at once, operation by operation in pairs that ran right after each
// other (Wilcoxon's signed-rank test): a machine that is slow for a while is so for both.
package compare
