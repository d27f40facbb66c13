package ktrace

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

func ask() Config {
	return Config{
		Events:    []string{"iomap:iomap_dio_invalidate_fail", "iomap:gone"},
		Probes:    []Probe{{Symbol: "dio_warn_stale_pagecache"}, {Name: "iip", Symbol: "invalidate_inode_pages2_range", Return: true, Args: "ret=$retval:s32"}, {Symbol: "nope"}},
		BufferKiB: 512,
	}
}

func TestStartEnablesWhatThereIsAndSaysWhatIsMissing(t *testing.T) {
	k := newFakeKernel(t)
	tr, missing, err := start(t.Context(), k, k.root, ask())
	if err != nil {
		t.Fatal(err)
	}
	defer tr.Close()
	want := []Missing{
		{"iomap:gone", "this kernel has no such event, or its module is not loaded"},
		{"iomapcheck:nope", "Invalid probed address or symbol"},
	}
	if d := cmp.Diff(want, missing); d != "" {
		t.Error(d)
	}
	group := fmt.Sprintf("iomapcheck_%d", os.Getpid())
	for file, want := range map[string]string{
		"trace_clock":    "mono",
		"buffer_size_kb": "512",
		"events/iomap/iomap_dio_invalidate_fail/enable":        "1",
		"events/sched/sched_switch/enable":                     "",
		"events/" + group + "/dio_warn_stale_pagecache/enable": "1",
		"events/" + group + "/iip/enable":                      "1",
	} {
		if got := k.control(t, file); got != want {
			t.Errorf("%s is %q, want %q", file, got, want)
		}
	}
	if want := "r64:" + group + "/iip invalidate_inode_pages2_range ret=$retval:s32"; k.probes[1] != want {
		t.Errorf("defined %q, want %q", k.probes[1], want)
	}
}

func TestATracerIsExtendedByWhatItLacks(t *testing.T) {
	k := newFakeKernel(t)
	tr, _, err := start(t.Context(), k, k.root, Config{})
	if err != nil {
		t.Fatal(err)
	}
	missing, err := tr.Extend(t.Context(), ask())
	if err != nil || len(missing) != 2 {
		t.Errorf("missing %v, %v", missing, err)
	}
	if got := k.control(t, "events/iomap/iomap_dio_invalidate_fail/enable"); got != "1" || len(k.probes) != 2 {
		t.Errorf("event %q, probes %q", got, k.probes)
	}
	if err := tr.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := tr.Extend(t.Context(), ask()); !errors.Is(err, os.ErrClosed) {
		t.Errorf("a closed one: %v", err)
	}
}

func TestAFunctionIsProbedByTheNameThatTheKernelHasForIt(t *testing.T) {
	k := newFakeKernel(t)
	k.symbols = append(k.symbols, "unlock_page")
	tr, missing, err := start(t.Context(), k, k.root, Config{Probes: []Probe{
		{Symbol: "folio_unlock", Formerly: []string{"unlock_page"}, Args: "folio=%di"},
		{Symbol: "nope", Formerly: []string{"nor_this"}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer tr.Close()
	if d := cmp.Diff([]Missing{{"iomapcheck:nope", "Invalid probed address or symbol"}}, missing); d != "" {
		t.Error(d)
	}
	group := fmt.Sprintf("iomapcheck_%d", os.Getpid())
	if want := []string{"p:" + group + "/folio_unlock unlock_page folio=%di"}; !slices.Equal(k.probes, want) {
		t.Errorf("defined %q, want %q", k.probes, want)
	}
}

func TestFunctionsThatAreTheSameEventShareItsProbeAndMayBeMissing(t *testing.T) {
	k := newFakeKernel(t)
	k.symbols = append(k.symbols, "own_write")
	tr, missing, err := start(t.Context(), k, k.root, Config{Probes: []Probe{
		{Symbol: "dio_warn_stale_pagecache", Also: []string{"own_read", "own_write"}},
	}})
	if err != nil || missing != nil {
		t.Fatal(missing, err)
	}
	defer tr.Close()
	event := fmt.Sprintf("p:iomapcheck_%d/dio_warn_stale_pagecache ", os.Getpid())
	if want := []string{event + "dio_warn_stale_pagecache", event + "own_write"}; !slices.Equal(k.probes, want) {
		t.Errorf("defined %q, want %q", k.probes, want)
	}
}

func TestAKernelWithoutKprobesMissesEveryProbe(t *testing.T) {
	k := newFakeKernel(t)
	if err := os.Remove(filepath.Join(k.root, "kprobe_events")); err != nil {
		t.Fatal(err)
	}
	k.refuse["kprobe_events"] = unix.ENOENT
	tr, missing, err := start(t.Context(), k, k.root, Config{Probes: []Probe{{Symbol: "dio_warn_stale_pagecache"}}})
	if err != nil {
		t.Fatal(err)
	}
	want := []Missing{{"iomapcheck:dio_warn_stale_pagecache", "this kernel has no kprobe events (CONFIG_KPROBE_EVENTS)"}}
	if d := cmp.Diff(want, missing); d != "" {
		t.Error(d)
	}
	if err := tr.Close(); err != nil {
		t.Error(err)
	}
}

func TestCloseLeavesNothingAndMayBeRepeated(t *testing.T) {
	k := newFakeKernel(t)
	tr, _, err := start(t.Context(), k, k.root, ask())
	if err != nil {
		t.Fatal(err)
	}
	if len(k.leftovers(t)) == 0 {
		t.Fatal("nothing to remove: the test cannot fail")
	}
	for range 2 {
		if err := tr.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if left := k.leftovers(t); len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
	if _, err := tr.Read(t.Context()); !errors.Is(err, os.ErrClosed) {
		t.Errorf("Read after Close: %v", err)
	}
}

// The kernel refuses to remove a probe that is on; were the events not switched off first, Close would say so.
func TestProbesThatAreOnCannotBeRemoved(t *testing.T) {
	k := newFakeKernel(t)
	tr, _, err := start(t.Context(), k, k.root, ask())
	if err != nil {
		t.Fatal(err)
	}
	if err := tr.in.removeProbes(); !errors.Is(err, unix.EBUSY) {
		t.Errorf("removeProbes while they are on: %v", err)
	}
	if err := tr.Close(); err != nil {
		t.Error(err)
	}
}

func TestAFailedCloseMayBeTriedAgain(t *testing.T) {
	k := newFakeKernel(t)
	tr, _, err := start(t.Context(), k, k.root, ask())
	if err != nil {
		t.Fatal(err)
	}
	k.refuse["kprobe_events"] = unix.EIO
	if err := (instance{fs: stuck{k}, root: k.root, pid: os.Getpid()}).remove(); !errors.Is(err, unix.EBUSY) || !errors.Is(err, unix.EIO) {
		t.Errorf("remove with an instance that stays: %v", err)
	}
	delete(k.refuse, "kprobe_events")
	if err := tr.Close(); err != nil {
		t.Error(err)
	}
	if left := k.leftovers(t); len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
}

// stuck is a kernel whose instances have open files.
type stuck struct{ *fakeKernel }

func (stuck) rmdir(path string) error { return &os.PathError{Op: "rmdir", Path: path, Err: unix.EBUSY} }

func TestAFailedStartLeavesNothing(t *testing.T) {
	for _, file := range []string{"trace_clock", "buffer_size_kb", "enable"} {
		t.Run(file, func(t *testing.T) {
			k := newFakeKernel(t)
			k.refuse[file] = unix.EPERM
			_, _, err := start(t.Context(), k, k.root, ask())
			if !errors.Is(err, unix.EPERM) {
				t.Errorf("start: %v", err)
			}
			if left := k.leftovers(t); len(left) > 0 {
				t.Errorf("left behind: %q", left)
			}
		})
	}
	t.Run("cancelled", func(t *testing.T) {
		k := newFakeKernel(t)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, _, err := start(ctx, k, k.root, ask()); !errors.Is(err, context.Canceled) {
			t.Errorf("start: %v", err)
		}
		if left := k.leftovers(t); len(left) > 0 {
			t.Errorf("left behind: %q", left)
		}
	})
}

func TestAProcessHasOneTracerAtATime(t *testing.T) {
	k := newFakeKernel(t)
	first, _, err := start(t.Context(), k, k.root, ask())
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := start(t.Context(), k, k.root, ask()); err == nil || !strings.Contains(err.Error(), "close this process's other Tracer") {
		t.Errorf("second start: %v", err)
	}
	if err := first.Close(); err != nil {
		t.Error(err)
	}
}

func TestCleanRemovesTheDeadAndSparesTheLiving(t *testing.T) {
	k := newFakeKernel(t)
	living, _, err := start(t.Context(), k, k.root, ask())
	if err != nil {
		t.Fatal(err)
	}
	dead := instance{fs: k, root: k.root, pid: os.Getpid() + 1}
	if err := k.mkdir(dead.dir()); err != nil {
		t.Fatal(err)
	}
	if err := k.write(filepath.Join(k.root, "kprobe_events"), Probe{Symbol: "dio_warn_stale_pagecache"}.definition(dead.group(), "dio_warn_stale_pagecache")); err != nil {
		t.Fatal(err)
	}
	if err := dead.set("events/"+dead.group()+"/dio_warn_stale_pagecache/enable", "1"); err != nil {
		t.Fatal(err)
	}
	if err := clean(k, k.root); err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(k.leftovers(t), "\n"); strings.Contains(got, dead.dir()) || strings.Contains(got, dead.group()) {
		t.Errorf("the dead one is still there:\n%s", got)
	}
	if len(k.probes) != 2 || k.control(t, "trace_clock") != "mono" {
		t.Errorf("the living one was touched: %q", k.probes)
	}
	if err := living.Close(); err != nil {
		t.Error(err)
	}
}

func TestStartRefusesWhatTracefsWouldMisunderstand(t *testing.T) {
	for name, cfg := range map[string]Config{
		"no group":           {Events: []string{"iomap_dio_invalidate_fail"}},
		"path":               {Events: []string{"..:kprobe_events"}},
		"wildcard":           {Events: []string{"iomap:*"}},
		"one name twice":     {Events: []string{"ext4:sync", "xfs:sync"}},
		"probe like event":   {Events: []string{"ext4:sync"}, Probes: []Probe{{Symbol: "sync"}}},
		"two definitions":    {Probes: []Probe{{Symbol: "a", Args: "x\np:b/c d"}}},
		"no symbol":          {Probes: []Probe{{Name: "a"}}},
		"symbol with offset": {Probes: []Probe{{Symbol: "a+0x10"}}},
		"negative buffer":    {BufferKiB: -1},
	} {
		t.Run(name, func(t *testing.T) {
			k := newFakeKernel(t)
			if _, _, err := start(t.Context(), k, k.root, cfg); err == nil {
				t.Error("accepted")
			}
			if left := k.leftovers(t); len(left) > 0 {
				t.Errorf("left behind: %q", left)
			}
		})
	}
}

func TestARootThatIsNotTracefsIsNamed(t *testing.T) {
	dir := t.TempDir()
	if _, _, err := Start(t.Context(), dir, Config{}); err == nil || !strings.Contains(err.Error(), "mount -t tracefs nodev "+dir) {
		t.Errorf("start: %v", err)
	}
	if err := Clean(dir); err == nil {
		t.Error("clean accepted it")
	}
}

func TestReadSaysWhatWasLost(t *testing.T) {
	k := newFakeKernel(t)
	tr, _, err := start(t.Context(), k, k.root, ask())
	if err != nil {
		t.Fatal(err)
	}
	defer tr.Close()
	const line = "              dd-7       [000] .....     1.000001: iip: (a <- b) ret=0\n"
	k.put(filepath.Join(k.instance(), "trace"), "# entries-in-buffer/entries-written: 1/1   #P:1\n"+line)
	events, err := tr.Read(t.Context())
	if err != nil || len(events) != 1 || events[0].Name != "iomapcheck:iip" {
		t.Fatalf("whole trace: %v, %v", events, err)
	}
	k.put(filepath.Join(k.instance(), "trace"), "# entries-in-buffer/entries-written: 1/13   #P:1\n"+line)
	k.put(filepath.Join(k.root, "kprobe_profile"), "  iip    8     3\n  other   1    5\n")
	events, err = tr.Read(t.Context())
	var lost *LostError
	if !errors.As(err, &lost) || len(events) != 1 {
		t.Fatalf("trace with holes: %v, %v", events, err)
	}
	if d := cmp.Diff(&LostError{Overwritten: 12, Missed: 3}, lost); d != "" {
		t.Error(d)
	}
}
