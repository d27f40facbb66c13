package observe

import (
	"slices"
	"testing"

	"github.com/iomapcheck/iomapcheck/harness/ktrace"
	"github.com/iomapcheck/iomapcheck/harness/prog"
	"github.com/iomapcheck/iomapcheck/harness/wire"
)

func lacking(of wire.Trace, names ...string) *Watch {
	w := &Watch{of: of, standsFor: map[string]string{}}
	var missing []ktrace.Missing
	for _, name := range names {
		missing = append(missing, ktrace.Missing{Name: name, Reason: "not here"})
	}
	w.lacks(missing)
	return w
}

func TestATracepointStandsForItsFunctionOnlyWhereItIsThere(t *testing.T) {
	const probe, point, other = ktrace.ProbeGroup + ":__iomap_dio_rw", "iomap:iomap_dio_rw_begin", ktrace.ProbeGroup + ":dio_warn_stale_pagecache"
	both := wire.Trace{Events: []string{point}, Probes: []string{"__iomap_dio_rw", "dio_warn_stale_pagecache"}}
	for _, c := range []struct {
		of     wire.Trace
		names  []string
		stands bool
		want   []string
	}{
		{both, []string{probe}, true, nil},
		{both, []string{probe, other}, true, []string{other + ": not here"}},
		{both, []string{probe, point}, false, []string{probe + ": not here", point + ": not here"}},
		{wire.Trace{Probes: both.Probes}, []string{probe}, false, []string{probe + ": not here"}},
	} {
		w := lacking(c.of, c.names...)
		if !slices.Equal(w.Missing(), c.want) || (w.standsFor[point] == probe) != c.stands {
			t.Errorf("without %v: missing %q, %q stand for functions", c.names, w.Missing(), w.standsFor)
		}
	}
}

func TestWhatIsMissingForAnotherProgramIsNotMissingForThisOne(t *testing.T) {
	w := lacking(wire.Trace{}, "xfs:a", "xfs:ab", ktrace.ProbeGroup+":f", ktrace.ProbeGroup+":g")
	want := []string{"xfs:a: not here", ktrace.ProbeGroup + ":g: not here"}
	if got := w.MissingOf(wire.Trace{Events: []string{"xfs:a"}, Probes: []string{"g"}}); !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestWhatAProgramSpeaksOfIsTracedOnce(t *testing.T) {
	p, err := prog.Parse("direct-write f 0 4k n\nwitness event iomap:iomap_dio_complete\nwitness event xfs:xfs_iomap_invalid\nwitness event " + ktrace.ProbeGroup + ":folio_lock\n")
	if err != nil {
		t.Fatal(err)
	}
	usual, got := Wanted(prog.Program{}), Wanted(p)
	if want := append(usual.Events, "xfs:xfs_iomap_invalid"); !slices.Equal(got.Events, want) {
		t.Errorf("events %q, want %q", got.Events, want)
	}
	if want := append(usual.Probes, "folio_lock"); !slices.Equal(got.Probes, want) {
		t.Errorf("probes %q, want %q", got.Probes, want)
	}
}
