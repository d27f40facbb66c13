package vm_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/iomapcheck/iomapcheck/cases"
	"github.com/iomapcheck/iomapcheck/harness/disk"
	"github.com/iomapcheck/iomapcheck/harness/fsys"
	"github.com/iomapcheck/iomapcheck/harness/history"
	"github.com/iomapcheck/iomapcheck/harness/hosttest"
	"github.com/iomapcheck/iomapcheck/harness/judge"
	"github.com/iomapcheck/iomapcheck/harness/prog"
	"github.com/iomapcheck/iomapcheck/harness/target"
	"github.com/iomapcheck/iomapcheck/harness/target/vm"
	"github.com/iomapcheck/iomapcheck/vmimage/qemu"
	"github.com/iomapcheck/iomapcheck/vmimage/vmtest"
)

// open opens Debian's 6.12, or skips where no machine can be had (IOMAPCHECK_REQUIRE_VM=1 makes that a failure).
func open(t *testing.T, config vm.Config) *vm.Target {
	t.Helper()
	if _, err := qemu.Find(t.Context(), ""); err != nil {
		vmtest.Unavailable(t, err)
	}
	config.Kernel, config.Cache, config.Agent = "debian:6.12", vmtest.CacheDir(t), hosttest.Program(t)
	config.Report = func(line string) { t.Log(line) }
	tg, err := vm.Open(t.Context(), config)
	if err != nil {
		vmtest.Unavailable(t, err)
	}
	t.Cleanup(tg.Close)
	return tg
}

// outcome is a program's execution and what the judge says of it.
type outcome struct {
	judge.Result
	*target.Execution
}

func run(t *testing.T, tg *vm.Target, fs, text string) outcome {
	t.Helper()
	p, err := prog.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	spec, err := fsys.Parse(fs)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	var out outcome
	err = tg.Run(ctx, target.Job{Program: p, FS: spec, Name: t.Name()}, func(x target.Execution) bool {
		out = outcome{judge.Judge(p, x.History), &x}
		return false
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Log(out.Summary())
	return out
}

// overwrite is the catalogue's case of a direct write that is held while the cache is refilled.
func overwrite(t *testing.T) string {
	t.Helper()
	for _, c := range cases.Catalogue() {
		if c.ID == "coherence/post-write-invalidation" {
			return c.Variants[0].Program.String()
		}
	}
	t.Fatal("the case is gone from the catalogue")
	return ""
}

// has matches data with a fill at the file's start.
func has(f prog.Fill) func([]byte) bool {
	return target.DataOf(prog.New(prog.Write("f", 0, 64*prog.KiB, f)), 0, 64*prog.KiB)
}

func TestALostWriteIsFoundWithItsBytes(t *testing.T) {
	tg := open(t, vm.Config{AtStart: func(s vm.Start) {
		s.Disk.Lose(disk.Match{Ops: disk.Writes, Data: has('n')}, 1)
	}})
	out := run(t, tg, "xfs", overwrite(t))
	if out.Verdict != judge.Fail || !strings.Contains(out.Text, "[0x0, 0x10000)") || !strings.Contains(out.Text, "o") {
		t.Errorf("got %s, want a failure that says bytes [0x0, 0x10000) are o", out.Summary())
	}
}

func TestAReadAnsweredFromBeforeAWriteIsFoundWithItsBytes(t *testing.T) {
	marked := make(chan error, 1)
	tg := open(t, vm.Config{AtStart: func(s vm.Start) {
		go func() {
			ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
			defer cancel()
			_, err := s.Disk.AwaitHeld(ctx, 1)
			s.Disk.MarkStale()
			s.Disk.Stale(disk.Match{Ops: disk.Reads, Data: has('n')}, 1)
			marked <- err
		}()
	}})
	out := run(t, tg, "ext4", overwrite(t))
	if err := <-marked; err != nil {
		t.Fatal(err)
	}
	if out.Verdict != judge.Fail || !strings.HasPrefix(out.Operation, "read f 0 64k = n") || !strings.Contains(out.Text, "[0x0, 0x10000)") {
		t.Errorf("got %s, want a failure of the last read, in bytes [0x0, 0x10000)", out.Summary())
	}
}

func TestAnHonestDiskPassesTheSameProgramOnAFreshKernelEachTime(t *testing.T) {
	tg := open(t, vm.Config{})
	for _, fs := range []string{"xfs", "ext4", "xfs"} {
		if out := run(t, tg, fs, overwrite(t)); out.Verdict != judge.OK {
			t.Errorf("%s: got %s", fs, out.Summary())
		}
	}
}

func TestAPanicIsACrashWithTheOopsText(t *testing.T) {
	tg := open(t, vm.Config{AtStart: func(s vm.Start) { _ = s.Guest("panic") }})
	out := run(t, tg, "xfs", "hold writes\nawait held 1\n")
	if out.Verdict != judge.Crash || !strings.Contains(out.Text, "sysrq") {
		t.Errorf("got %s, want a crash that names sysrq", out.Summary())
	}
	if !strings.Contains(out.Console, "Kernel panic") || !strings.Contains(out.Console, "Call Trace") {
		t.Errorf("the console's text is not kept:\n%s", out.Console)
	}
}

func TestAGuestThatLoopsIsAHangWithADiagnosis(t *testing.T) {
	tg := open(t, vm.Config{RunLimit: 8 * time.Second, AtStart: func(s vm.Start) { _ = s.Guest("spin") }})
	out := run(t, tg, "xfs", "hold writes\nawait held 1\n")
	if out.Verdict != judge.Hang {
		t.Errorf("got %s, want a hang", out.Summary())
	}
	if !strings.Contains(out.Extra["diagnosis.txt"], "RIP") {
		t.Errorf("no registers in the diagnosis:\n%s", out.Extra["diagnosis.txt"])
	}
}

func TestATaskThatSleepsForEverIsAHangWithItsStack(t *testing.T) {
	tg := open(t, vm.Config{RunLimit: 8 * time.Second})
	out := run(t, tg, "xfs", "write f 0 64k o\nhold writes f 0 64k\nfsync f\n")
	if out.Verdict != judge.Hang || !strings.Contains(out.Text, "folio_wait") && !strings.Contains(out.Text, "xfs_file_fsync") {
		t.Errorf("got %s, want a hang in fsync with its stack", out.Summary())
	}
}

func TestASituationThatDoesNotComeAboutIsUnexercised(t *testing.T) {
	tg := open(t, vm.Config{RunLimit: 8 * time.Second})
	out := run(t, tg, "xfs", "fsync f\nhold writes f 0 4k\nawait held 1\nwitness event iomap:iomap_dio_invalidate_fail\n")
	if out.Verdict != judge.Unexercised {
		t.Errorf("got %s, want unexercised", out.Summary())
	}
}

// A history of far more than a page, as a broken kernel's would be, gets through the port.
func TestALargeContentArrivesWhole(t *testing.T) {
	tg := open(t, vm.Config{})
	text := "write f 0 64k o\n"
	for i := range 900 {
		text += fmt.Sprintf("write f %d 32 %c\n", i*64+7, 'a'+i%8)
	}
	out := run(t, tg, "xfs", text+"fallocate f 0 4k collapse-range\nread f 0 56k\nwitness event iomap:iomap_dio_complete\n")
	if out.Verdict != judge.Unexercised {
		t.Errorf("got %s, want unexercised: nothing is wrong with it", out.Summary())
	}
}

func TestARemountThatFailsIsTheKernelsAnswer(t *testing.T) {
	tg := open(t, vm.Config{})
	out := run(t, tg, "ext4", "write f 0 64k o\nfsync f\nfail reads EIO\ndrop-caches\nremount fails EIO\n")
	for _, e := range out.History.Events {
		if e.Kind == history.Return && e.Op == 4 && e.Errno == "EIO" {
			return
		}
	}
	t.Errorf("no remount with EIO in the history: %s", out.Summary())
}

func TestAProgramThatEndsEarlyLeavesNoFileOpen(t *testing.T) {
	tg := open(t, vm.Config{RunLimit: 8 * time.Second})
	out := run(t, tg, "xfs", "fsync f\nhold writes f 0 4k\nawait held 1\ngo w: fsync f\nread f 0 4k returns 0 may-block @r\njoin w\nwitness blocked r\n")
	if out.Verdict != judge.Unexercised {
		t.Errorf("got %s, want unexercised", out.Summary())
	}
}
