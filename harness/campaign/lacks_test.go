package campaign

import (
	"strings"
	"testing"

	"github.com/iomapcheck/iomapcheck/harness/fsys"
	"github.com/iomapcheck/iomapcheck/harness/judge"
	"github.com/iomapcheck/iomapcheck/harness/prog"
)

func TestWhatAFileSystemLacksFollowsFromTheProgram(t *testing.T) {
	for _, c := range []struct{ fs, program, why string }{
		{"xfs", "store f 0 4k n\ntruncate f 0\n", ""},
		{"zonefs", "direct-write f 0 4k n\naio-write f 4k 4k n as w\nreap w\nread f 0 8k\n", ""},
		{"zonefs", "direct-write f 0 4k n\ndirect-write f 0 4k m fails EINVAL\ntruncate f 0\ndirect-write f 0 4k m\n", ""},
		{"zonefs", "aio-write f 0 4k a as w\naio-write f 0 4k b as x\nreap w\nreap x fails EINVAL\n", ""},
		{"zonefs", "store f 0 4k n\n", "no other way"},
		{"zonefs", "direct-write f 4k 4k n\n", "write pointer"},
		{"zonefs", "direct-write f 0 4k n\ndirect-write f 0 4k m\n", "write pointer"},
		{"zonefs", "repeat 3 {\n  direct-write f 0 4k n\n}\n", "write pointer"},
		{"zonefs", "direct-write f 0 4k n\ntruncate f 8k\n", "cannot be given"},
		{"zonefs", "direct-write f 0 512 n\n", "whole blocks"},
		{"zonefs/512", "direct-write f 0 512 n\n", ""},
		{"bcachefs", "direct-write f 0 512 n\n", "whole blocks"},
		{"ext4/4kn", "direct-write f 512 4k n\n", "whole sectors"},
		{"ext4/4kn", "direct-write f 4k 8k n\ndirect-read f 0 512 fails EINVAL\nread f 0 512\n", ""},
		{"zonefs/conventional", "write f 0 1m n\nstore f 0 4k m\n", ""},
		{"zonefs/conventional", "write f 0 4k n\n", "begins with an empty one"},
		{"zonefs/conventional", "write f 0 1m n\nfallocate f 0 4k punch-hole\n", "cannot be given"},
		{"xfs/dax", "store f 0 4k n\nread f 0 4k = n\n", ""},
		{"xfs/dax", "hold writes f 0 4k\n", "no requests"},
		{"xfs/dax", "attr f realtime\n", "see xfs/rt"},
		{"xfs/rt", "attr f realtime\nhold writes g 0 4k\n", ""},
		{"xfs", "fill-quota 0\n", "see xfs/quota"},
		{"bcachefs", "fill-quota 0\n", "no account is kept of what users have"},
		{"xfs/quota", "fill-quota 0\n", ""},
		{"btrfs", "fill-quota 0\n", ""},
		{"ext4/dax", "resident f 0 4k\n", "no page cache"},
		{"ext4/dax", "read f 0 4k\nwitness event iomapcheck:__iomap_dio_rw\n", "dax_iomap_rw"},
	} {
		p, err := prog.Parse(c.program)
		if err != nil {
			t.Fatal(err)
		}
		s, err := fsys.Parse(c.fs)
		if err != nil {
			t.Fatal(err)
		}
		if why := lacks(s, p); (why == "") != (c.why == "") || !strings.Contains(why, c.why) {
			t.Errorf("%s: %q lacks %q, want %q", c.fs, c.program, why, c.why)
		}
	}
}

func TestAListedDivergenceIsKnownAndItsEndIsDrift(t *testing.T) {
	for from, want := range map[judge.Verdict]judge.Verdict{
		judge.Fail: judge.Known, judge.Hang: judge.Hang, judge.Crash: judge.Crash, judge.OK: judge.Drift,
		judge.Unexercised: judge.Unexercised, judge.Infra: judge.Infra, judge.Unsupported: judge.Unsupported,
	} {
		v := Verdict{Verdict: from, known: judge.Fail}
		if v.settle(); v.Verdict != want {
			t.Errorf("%s became %s, want %s", from, v.Verdict, want)
		}
		v = Verdict{Verdict: from}
		if v.settle(); v.Verdict != from {
			t.Errorf("%s became %s without a row", from, v.Verdict)
		}
	}
}
