package compare

import (
	"slices"
	"strings"

	"github.com/iomapcheck/iomapcheck/harness/xfstests/around/inguest"
)

// Situation is something that is provoked: by stock tests on their way, and by rules of ours on purpose.
type Situation struct {
	// What says it in the words of the report.
	What string
	// Branch is the count that tells of it, "" where none can.
	Branch string
	// Tests are the stock tests whose count means this situation, or who hope for it; none is every test.
	Tests []string
	// FS are the kinds of file system on which the count means it; none is every one.
	FS []string
	// But is what the count cannot say, "" for nothing.
	But string
	// Rules are our cases for it: with a variant that one, else all that the case has.
	Rules []string
}

// Situations is the mapping, in the report's order.
func Situations() []Situation {
	return []Situation{
		{
			What:   "a direct write that cannot invalidate the cache beforehand, and falls back",
			Branch: inguest.InvalidateFail,
			Rules:  []string{"fallback/redirty-during-writeback"},
		},
		{
			What:   "one that cannot afterwards, and leaves a stale cache",
			Branch: inguest.StalePageCache,
			Rules:  []string{"coherence/store-during-direct-write"},
		},
		{
			What:  "a cache that is refilled while a direct write is in flight",
			Tests: []string{"generic/209", "generic/418", "generic/451"},
			Rules: []string{"coherence/post-write-invalidation"},
		},
		{
			What:   "an unaligned direct write to shared blocks, which xfs sends through the cache",
			Branch: inguest.Fallback,
			Tests:  []string{"generic/091", "generic/263"},
			FS:     []string{"xfs"},
			But:    "for whichever of xfs' reasons",
			Rules:  []string{"coherence/clone-direct-write~part"},
		},
		{
			What:   "a buffer that maps what is written or read",
			Branch: inguest.DirectIO,
			Tests:  []string{"generic/647", "generic/729"},
			Rules:  []string{"progress/self-mapped-buffer~read", "progress/self-mapped-buffer~write"},
		},
		{
			What:   "a size that is seen before its data",
			Branch: inguest.DirectIO,
			Tests:  []string{"generic/586"},
			Rules:  []string{"coherence/dio-size-after-data"},
		},
	}
}

// aims says what the stock tests of the comparison aim at.
func aims() map[string]string {
	return map[string]string{
		"generic/091": "direct I/O of parts of blocks, by fsx",
		"generic/095": "fio: direct, buffered, spliced and mapped I/O of two files",
		"generic/208": "a direct write whose invalidation fails; 200 s, whatever happens",
		"generic/209": "readahead beside direct writes",
		"generic/263": "fsx, direct beside mapped",
		"generic/418": "every mix of direct and buffered, block by block",
		"generic/446": "direct read of a hole beside a store and a punch",
		"generic/451": "buffered readers beside an asynchronous direct writer",
		"generic/586": "extending direct write beside fallocate",
		"generic/647": "a buffer that maps the file itself",
		"generic/708": "a buffer that is not all there",
		"generic/729": "a write of a mapped page onto itself",
	}
}

// Tests lists the stock tests of the comparison.
func Tests() []string {
	var out []string
	for name := range aims() {
		out = append(out, name)
	}
	slices.Sort(out)
	return out
}

// Rules lists our rules of the comparison.
func Rules() []string {
	var out []string
	for _, s := range Situations() {
		out = append(out, s.Rules...)
	}
	return out
}

// means says whether a rule, with its variant or for all of them, means a case by its name.
func means(rule, name string) bool {
	return name == rule || !strings.Contains(rule, "~") && strings.HasPrefix(name, rule+"~")
}
