package vm_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/iomapcheck/iomapcheck/harness/fsys"
	"github.com/iomapcheck/iomapcheck/harness/history"
	"github.com/iomapcheck/iomapcheck/harness/judge"
	"github.com/iomapcheck/iomapcheck/harness/prog"
	"github.com/iomapcheck/iomapcheck/harness/target"
	"github.com/iomapcheck/iomapcheck/harness/target/vm"
)

// buffers has memory that faults in the middle of direct I/O, from mappings and before guarded pages.
const buffers = `write g 0 64k n
fsync g
drop-caches
write f 0 64k o
fsync f
direct-write f 0 64k n via g 0
direct-read f 0 64k = n
direct-read f 0 64k via h 256k fails EFAULT
truncate h 320k
direct-read f 0 64k via h 256k = n
load h 256k 64k = n
direct-write f 0 64k n via f 0
write f 0 64k n via g 0
read f 0 64k via f 0 = n
direct-write f 0 64k x guard 0 fails EFAULT
write f 0 64k x guard 16k returns 16k
read f 0 64k guard 16k returns 16k
read f 0 64k = x:16k,n:48k
fsync f
evict f 0 64k
resident f 0 64k returns 0
read f 0 64k
resident f 0 64k returns 64k
mlock f 0 16k
munlock f 0 16k
pin f 0 64k
evict f 0 64k
resident f 0 64k returns 64k
unpin f 0 64k
clone f k
read k 0 64k = x:16k,n:48k
write k 0 4k z
read f 0 4k = x
`

// limits reclaims what one task read, and kills another that locks more than there is.
const limits = `write f 0 8m o
write g 0 24m n
fsync f
fsync g
drop-caches
memory max 12m
read f 0 8m = o
reclaim 8m
resident f 0 8m returns 0
go eater {
  mlock g 0 24m may-fail SIGKILL
  write g 0 4k x
}
join eater
memory max none
read f 0 8m = o
event oom:mark_victim
`

func TestTheWholeLanguageRunsOnAKernel(t *testing.T) {
	t.Parallel()
	tg := open(t, vm.Config{})
	for _, c := range []struct{ name, fs, program string }{
		{"buffers", "xfs/reflink", buffers},
		{"limits", "xfs", limits},
		{"a hook under the folio's lock", "gfs2/jdata", "write f 0 16k o\nfsync f\nwrite f 2k 4k n\norder iomapcheck:gfs2_trans_add_databufs before iomapcheck:folio_unlock\n"},
		{"inline data", "ext4/inline", "write f 0 100 o\nfsync f\nread f 0 100 = o\n"},
		{"compression", "btrfs/compress", "write f 0 64k o\nfsync f\nread f 0 64k = o\n"},
		{"data journal by attribute", "ext4", "attr f jdata\nwrite f 0 64k o\nfsync f\nread f 0 64k = o\n"},
		{"what a file system never does", "xfs", "write f 0 64k o\ndirect-write f 0 64k n\nnever iomap:iomap_dio_invalidate_fail\nevent iomap:iomap_dio_rw_begin\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if out := run(t, tg, c.fs, c.program); out.Verdict != judge.OK {
				t.Errorf("%s\n%s", out.Summary(), out.History.Text(parse(t, c.program)))
			}
		})
	}
	t.Run("an order that the kernel does not keep", func(t *testing.T) {
		out := run(t, tg, "gfs2/jdata", "write f 0 16k o\norder iomapcheck:folio_unlock before iomapcheck:gfs2_trans_add_databufs\n")
		if out.Verdict != judge.Fail || out.Rule != judge.RuleOrder || !strings.Contains(out.Text, "for folio 0x") {
			t.Errorf("got %s", out.Summary())
		}
	})
	t.Run("a kill that the program does not allow", func(t *testing.T) {
		out := run(t, tg, "xfs", strings.Replace(limits, " may-fail SIGKILL", "", 1))
		if out.Verdict != judge.Fail || out.Rule != judge.RuleOOM {
			t.Errorf("got %s", out.Summary())
		}
		if len(out.History.Of(history.Hang)) > 0 {
			t.Error("a killed task counts as one that hangs")
		}
	})
	t.Run("what a file system cannot do", func(t *testing.T) {
		if out := run(t, tg, "ext4", "write f 0 4k o\nclone f g\n"); out.Verdict != judge.Unsupported {
			t.Errorf("got %s", out.Summary())
		}
	})
	t.Run("what the machine has not", func(t *testing.T) {
		spec, err := fsys.Parse("xfs/dax")
		if err != nil {
			t.Fatal(err)
		}
		held := prog.New(prog.Hold(prog.Writes), prog.Fsync("f"), prog.Release())
		err = tg.Run(t.Context(), target.Job{Program: held, FS: spec, Name: t.Name()}, func(target.Execution) bool { return false })
		var unsupported *target.UnsupportedError
		if !errors.As(err, &unsupported) || !strings.Contains(unsupported.Reason, "hold") {
			t.Errorf("got %v", err)
		}
	})
}

func parse(t *testing.T, text string) prog.Program {
	t.Helper()
	p, err := prog.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return p
}
