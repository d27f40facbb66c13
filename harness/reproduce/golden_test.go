package reproduce

import (
	"errors"
	"strings"
	"testing"

	"github.com/iomapcheck/iomapcheck/harness/prog"
)

// The golden file has what is generated; the parts of the runtime stand in it by name.
func TestAProgramInC(t *testing.T) {
	p, err := prog.Parse(`write f 0 64k o
fsync f
drop-caches
hold writes f 0 64k
go writer {
  direct-write f 0 64k n dsync @dio
  repeat 3 {
    aio-read f 0 4k as r
    reap r = n
  }
}
await held 1
await blocked writer in submit_bio_wait|__iomap_dio_rw
read f 0 64k ? o|n|. may-block not-before go @refill
release @go
join writer
remount
read f 0 8k returns 4k|8k = n:4k,o:4k may-fail EIO before 5 later writer
witness held-while refill
witness event iomap:iomap_dio_rw_begin times 2
never iomapcheck:dio_warn_stale_pagecache
`)
	if err != nil {
		t.Fatal(err)
	}
	text, err := C(p, Circumstances{
		Name: "coherence/*/of a comment", Rule: strings.Repeat("what must hold ", 8), Seen: "what was seen", Kernel: "6.12.117", FS: "xfs", Type: "xfs",
		Mkfs: "mkfs.xfs -f", MountOptions: "dax=never", Attr: prog.AttrJournal,
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range order() {
		part, err := runtime.ReadFile("runtime/" + name + ".c")
		if err != nil {
			t.Fatal(err)
		}
		text = strings.Replace(text, string(part), "/* runtime/"+name+".c */\n", 1)
	}
	golden(t, "program.c", text)
}

func TestAProgramInXfsIO(t *testing.T) {
	p, err := prog.Parse("write f 0 64k o\ndirect-write f 4k 4k n dsync\nstore f 0 4k s\nread f 0 12k = s:4k,n:4k,o:4k\ndirect-read f 0 4k ? s|.\nload f 0 4k\n" +
		"fallocate f 0 4k punch-hole\ntruncate f 32k\nsize f returns 32k\nfsync f\ndrop-caches\nclone f g\ncopy-range f 0 4k g 256k\nremount\n")
	if err != nil {
		t.Fatal(err)
	}
	text, err := XfsIO(p, Circumstances{FS: "xfs"})
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "program.sh", text)
}

func TestEveryRefusalNamesTheOperationAndWhy(t *testing.T) {
	for _, c := range []struct{ program, what, why string }{
		{"write f 0 4k o\ncut\n", "op 1: cut", noCut},
		{"hold writes\nrelease oldest 1\n", "op 1: release oldest 1", noChoice},
		{"hold writes f 0 4k\nwrite f 0 4k o\nhold reads f 0 4k\n", "op 2: hold reads f 0 4k", noSecond},
		{"repeat 2 {\n  hold writes\n  fsync f\n}\n", "op 1: hold writes", noSecond},
		{"hold writes\nfail reads EIO\n", "op 1: fail reads EIO", noSecond},
		{"fail reads EIO times 2\n", "op 0: fail reads EIO times 2", noTimes},
		{"fail reads ENOSPC\n", "op 0: fail reads ENOSPC", noErrno},
		{"fail flushes EIO\n", "op 0: fail flushes EIO", noFlush},
		{"memory max 4m\n", "op 0: memory max 4m", noCgroup},
		{"fill-quota 0\n", "op 0: fill-quota 0", noQuota},
		{"hold writes\ndirect-write f 0 4k o nowait\n", "op 1: direct-write f 0 4k o nowait", noNowait},
		{"write f 0 4k o may-fail EWHATEVER\n", "op 0: write f 0 4k o may-fail EWHATEVER", noName},
		{"write f 0 4k o\norder a:b before c:d\n", "order a:b before c:d", noOrder},
	} {
		p, err := prog.Parse(c.program)
		if err != nil {
			t.Fatal(err)
		}
		_, err = C(p, Circumstances{})
		var refusal *RefusedError
		if !errors.As(err, &refusal) || refusal.What != c.what || refusal.Why != c.why {
			t.Errorf("%q: %v; want %s: %s", c.program, err, c.what, c.why)
		}
	}
}

// What is like a refused program and can be said is not refused.
func TestWhatCanBeSaidIsNotRefused(t *testing.T) {
	for _, program := range []string{
		"hold writes f 0 4k\nhold reads f 0 4k\nwrite f 0 4k o\nrelease\n", // both before anything is held
		"hold writes\nfsync f\nrelease\nhold reads\nread f 0 4k returns 0\nrelease\n",
		"repeat 2 {\n  hold writes\n  write f 0 4k o\n  release\n}\n",
		"fail reads f 0 4k EIO\nread f 0 4k may-fail EIO\n",
		"direct-write f 0 4k o nowait may-fail EAGAIN\n", // without device-mapper
	} {
		p, err := prog.Parse(program)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := C(p, Circumstances{}); err != nil {
			t.Errorf("%q: %v", program, err)
		}
	}
	p := prog.New(prog.Write("f", 0, 4096, 'o'))
	if _, err := C(p, Circumstances{Fixed: true}); err == nil {
		t.Error("files that cannot be made are no reason to refuse")
	}
}
