package judge

import (
	"testing"

	"github.com/iomapcheck/iomapcheck/harness/history"
	"github.com/iomapcheck/iomapcheck/harness/prog"
)

func TestPressureIsWitnessedByWhatTheCgroupCounted(t *testing.T) {
	const none = "unexercised witness: no witness pressure 3: "
	for _, c := range []struct {
		taken []int64 // a note each
		want  string
	}{
		{nil, none + "nobody said what the tasks' memory cgroup has counted"},
		{[]int64{2}, none + "reclaim took 2 pages, want 3: counted"},
		{[]int64{3}, "ok"},
		{[]int64{2, 1}, "ok"}, // before a power cut, and after it
	} {
		s := stage(t, "write f 0 4k n\nwitness pressure 3\n")
		s.do(0, "4k")
		for _, n := range c.taken {
			s.add(history.Event{Kind: history.Note, Op: -1, Name: history.MemoryPressure, N: n, Text: "counted"})
		}
		s.finally("f", "n:4k")
		s.want(c.want)
	}
}

func TestAPathIsDirectEvidenceOnlyWhereNothingRaces(t *testing.T) {
	const race = "go w: fsync f\nread f 0 4k @r\njoin w\n"
	seen := func(text string) Result {
		p, err := prog.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		r := &run{program: p, steps: p.Steps()}
		var res Result
		for _, w := range p.Witnesses {
			res.Witness = append(res.Witness, WitnessResult{Witness: w, Seen: true, Direct: r.direct(w)})
		}
		return res
	}
	for text, want := range map[string]bool{
		"read f 0 4k\nwitness event iomapcheck:__iomap_dio_rw\n":                      true,
		race + "witness event iomapcheck:__iomap_dio_rw\n":                            false,
		"read f 0 4k may-block\nwitness event filemap:mm_filemap_add_to_page_cache\n": false,
		race + "witness event iomap:iomap_dio_invalidate_fail\n":                      true,
		race + "witness held-while r\n":                                               true,
		race + "witness blocked r in inode_dio_wait\n":                                true,
		race + "witness event iomapcheck:__iomap_dio_rw\nwitness pressure 1\n":        false,
		race + "witness pressure 1\n":                                                 true,
		race + "witness event iomapcheck:__iomap_dio_rw\nwitness held-while r\n":      true,
	} {
		if got := seen(text).Direct(); got != want {
			t.Errorf("%q: direct %v, want %v", text, got, want)
		}
	}
	unseen := seen(race + "witness held-while r\n")
	unseen.Witness[0].Seen = false
	if unseen.Direct() {
		t.Error("what was not seen is evidence")
	}
}
