package vm_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/iomapcheck/iomapcheck/harness/fsys"
	"github.com/iomapcheck/iomapcheck/harness/judge"
	"github.com/iomapcheck/iomapcheck/harness/prog"
	"github.com/iomapcheck/iomapcheck/harness/target"
	"github.com/iomapcheck/iomapcheck/harness/target/vm"
)

// A program for each device, with what is particular to it: what is held there, and how files lie on it.
func TestEveryDeviceRunsAProgramOfItsOwn(t *testing.T) {
	t.Parallel()
	const held = "hold writes f 0 4k\ngo writer: direct-write f 0 4k n\nawait held 1\nrelease\njoin writer\nread f 0 4k = n\nwitness event iomap:iomap_dio_complete\n"
	tg := open(t, vm.Config{})
	for fs, text := range map[string]string{
		"xfs/4kn":             held + "direct-read f 0 512 fails EINVAL\n",
		"xfs/logdev":          held + "fsync f\n",
		"ext4/dax":            "write f 0 8k o\nstore f 0 4k n\ndirect-read f 0 8k = n:4k,o:4k\n",
		"zonefs":              held + "direct-write g 0 4k m\ndirect-write f 4k 4k m\ndirect-write f 0 4k n fails EINVAL\n",
		"zonefs/conventional": "write f 0 1m o\nstore f 4k 4k n\nfsync f\ndirect-read f 4k 4k = n\n",
	} {
		t.Run(fs, func(t *testing.T) {
			if out := run(t, tg, fs, text); out.Verdict != judge.OK {
				t.Errorf("got %s", out.Summary())
			}
		})
	}
}

func TestAMountThatIsNotDAXIsUnsupportedForEveryReasonThatShows(t *testing.T) {
	t.Parallel()
	tg := open(t, vm.Config{})
	spec, err := fsys.Parse("ext4/dax")
	if err != nil {
		t.Fatal(err)
	}
	spec.Variant = spec.Variant.WithOptions("dax=never")
	p := prog.New(prog.Write("f", 0, prog.KiB, 'o'))
	err = tg.Run(t.Context(), target.Job{Program: p, FS: spec}, func(target.Execution) bool { return false })
	var unsupported *target.UnsupportedError
	if !errors.As(err, &unsupported) {
		t.Fatalf("a mount with dax=never was taken for DAX: %v", err)
	}
	for _, want := range []string{"its options are", "dax=never", "statx", "a store through a mapping is not on /dev/pmem0"} {
		if !strings.Contains(unsupported.Reason, want) {
			t.Errorf("%s: want %q", unsupported.Reason, want)
		}
	}
}
