package prog

import (
	"strings"
	"testing"
)

func TestWithoutAnOperationNothingSpeaksOfIt(t *testing.T) {
	const text = `write f 0 64k o
hold writes f 0 64k
go w {
  aio-write f 0 64k n as a
  reap a @done
}
await held 1
go t: truncate f 0 before 8 later w not-before let-go @cut
await blocked t
release @let-go
join w
join t
witness blocked cut in inode_dio_wait
`
	p, err := Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	for n, gone := range map[int][]string{
		0: {"write f 0 64k o\nhold"},
		2: {"go w", "join w", "aio-write", "reap", "before 8"},
		3: {"go w", "join w", "reap", "before 8"},
		6: {"go t", "await blocked", "join t", "witness"},
		9: {"release", "not-before"},
	} {
		q := p.Without(n)
		if err := q.Check(); err != nil {
			t.Errorf("without %d: %v", n, err)
		}
		for _, g := range gone {
			if strings.Contains(q.String(), g) {
				t.Errorf("without %d there is still %q:\n%s", n, g, q)
			}
		}
	}
	if p.String() != text {
		t.Errorf("the program itself has changed:\n%s", p)
	}
}
