package exec

import (
	"errors"
	"testing"

	"github.com/iomapcheck/iomapcheck/harness/prog"
)

func TestEveryPathReportsWhatTheKernelReturned(t *testing.T) {
	events, err := run(t, minute, `write f 0 8k o
splice-write f 4k 4k n
splice-read f 0 12k
uring-write f 0 1k u as w
reap w
uring-write f 1k 3k v as x vectored
reap x
uring-read f 0 8k as r
reap r
write f 8k 5000 x vectored
read f 0 16k vectored
copy-range f 0 16k g 0
read g 0 16k
copy-range g 32k 4k f 32k
uring-read f 0 8k as e vectored guard 0 may-fail EFAULT
reap e may-fail EFAULT
`)
	var unsupported *UnsupportedError
	if errors.As(err, &unsupported) {
		t.Skip(err) // a container may not have io_uring
	}
	if err != nil {
		t.Fatal(err)
	}
	const all = "u:1k,v:3k,n:4k,x:5000"
	for op, want := range map[int]string{1: "4k", 2: "o:4k,n:4k", 4: "1k", 6: "3k", 8: "u:1k,v:3k,n:4k", 9: "5000", 10: all, 11: "13192", 12: all, 13: "0", 15: "EFAULT"} {
		if got := returned(t, events, op); got != want {
			t.Errorf("op %d returned %s, want %s", op, got, want)
		}
	}
}

func TestAVectoredBufferComesInPiecesThatCoverIt(t *testing.T) {
	for text, want := range map[string][]int{
		"write f 0 5000 n vectored":         {1000, 2000, 2000},
		"direct-write f 0 16k n vectored":   {4096, 8192, 4096},
		"direct-write f 0 2k n vectored":    {512, 1024, 512},
		"uring-write f 0 3k n as w":         {3072},
		"uring-read f 0 4k as w direct":     {4096},
		"aio-read f 0 12k as w vectored":    {4096, 8192},
		"uring-read f 0 8k as w direct":     {8192},
		"uring-read f 0 1500 as w vectored": {1000, 500},
	} {
		op := parsed(t, text)
		parts := pieces(make([]byte, op.Len), op)
		if len(parts) != len(want) {
			t.Errorf("%s: %d pieces, want %v", text, len(parts), want)
			continue
		}
		for i, p := range parts {
			if len(p) != want[i] {
				t.Errorf("%s: piece %d has %d bytes, want %d", text, i, len(p), want[i])
			}
		}
	}
}

// parsed is the one operation of a text.
func parsed(t *testing.T, text string) prog.Op {
	t.Helper()
	p, err := prog.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return p.Ops[0]
}
