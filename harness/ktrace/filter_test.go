package ktrace

import (
	"path/filepath"
	"testing"
)

func TestAFilterIsSetBeforeItsProbeIsEnabled(t *testing.T) {
	k := newFakeKernel(t)
	probe := Probe{Symbol: "invalidate_inode_pages2_range", Return: true, Args: "ret=$retval:s32", Filter: "ret != 0"}
	tr, missing, err := start(t.Context(), k, k.root, Config{Probes: []Probe{probe}})
	if err != nil || len(missing) > 0 {
		t.Fatal(err, missing)
	}
	if got := k.control(t, filepath.Join("events", tr.in.group(), "invalidate_inode_pages2_range", "filter")); got != "ret != 0" {
		t.Errorf("filter %q", got)
	}
	if err := tr.Close(); err != nil || len(k.leftovers(t)) > 0 {
		t.Error(err, k.leftovers(t))
	}
}

func TestAFilterThatTheKernelRefusesIsAnError(t *testing.T) {
	k := newFakeKernel(t)
	k.refuse["filter"] = errLocked
	_, _, err := start(t.Context(), k, k.root, Config{Probes: []Probe{{Symbol: "dio_warn_stale_pagecache", Filter: "nonsense"}}})
	if err == nil {
		t.Error("no error: every hit would have been taken for one that fits")
	}
	if left := k.leftovers(t); len(left) > 0 {
		t.Error(left)
	}
}

func TestHitsAreThoseOfOurProbesAlone(t *testing.T) {
	k := newFakeKernel(t)
	tr, _, err := start(t.Context(), k, k.root, Config{Probes: []Probe{{Symbol: "dio_warn_stale_pagecache"}}})
	if err != nil {
		t.Fatal(err)
	}
	k.put(filepath.Join(k.root, "kprobe_profile"), "  dio_warn_stale_pagecache    17    1\n  other    4    0\n")
	hits, err := tr.Hits(t.Context())
	if err != nil || len(hits) != 1 || hits["dio_warn_stale_pagecache"] != 17 {
		t.Error(hits, err)
	}
	if err := tr.Close(); err != nil {
		t.Error(err)
	}
	if _, err := tr.Hits(t.Context()); err == nil {
		t.Error("a closed tracer counts")
	}
}
