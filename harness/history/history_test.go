package history

import (
	"bytes"
	"reflect"
	"strings"
	"testing"

	"github.com/iomapcheck/iomapcheck/harness/prog"
)

func sample() *History {
	return &History{
		Header: Header{Target: "vm", Kernel: "6.12.117", FS: "xfs", BlockSize: 4096, ClockError: 1000},
		Events: []Event{
			{Kind: Invoke, Time: 5_000_000, Task: "main"},
			{Kind: Return, Time: 6_000_000, Task: "main", N: 4096, Data: prog.Content{{Len: 4096, Fill: "o"}}},
			{Kind: Disk, Time: 7_000_000, Op: -1, What: Held, Request: 7, Dir: "write", Off: 0x1000, Len: 0x1000},
			{Kind: Blocked, Time: 8_000_000, Task: "main", Op: 0, Where: []string{"inode_dio_wait", "xfs_setattr_size"}},
			{Kind: Final, Time: 9_000_000, Op: -1, File: "f", Path: string(FinalDirect), Errno: "EINVAL"},
		},
	}
}

func TestJSONLinesRoundTrip(t *testing.T) {
	var b bytes.Buffer
	if err := sample().Write(&b); err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(b.String(), "\n"); n != 6 {
		t.Errorf("%d lines, want 6", n)
	}
	got, err := Read(&b)
	if err != nil || !reflect.DeepEqual(got, sample()) {
		t.Errorf("read back %+v, %v", got, err)
	}
}

func TestAHistoryThatIsCutOffSaysSoAndGivesWhatIsThere(t *testing.T) {
	var b bytes.Buffer
	if err := sample().Write(&b); err != nil {
		t.Fatal(err)
	}
	got, err := Read(strings.NewReader(b.String()[:b.Len()-20]))
	if err == nil || !strings.Contains(err.Error(), "line 6") || len(got.Events) != 4 {
		t.Errorf("got %d events, %v; want 4 and an error about line 6", len(got.Events), err)
	}
}

func TestTextNamesOperationsAndFoldsPlainRequests(t *testing.T) {
	p := prog.New(prog.Read("f", 0, 4096))
	h := sample()
	for i := range int64(5) {
		h.Events = append(h.Events, Event{Kind: Disk, Time: 10_000_000, Op: -1, What: Answered, Request: 8 + i, Dir: "read"})
	}
	want := `   0.000ms  main       → read f 0 4k
   1.000ms  main       ← read f 0 4k  ⇒ o:4k
   2.000ms               disk: write #7 [0x1000, 0x2000) held
   3.000ms  main         asleep in read f 0 4k at inode_dio_wait < xfs_setattr_size
   4.000ms               finally f, direct: EINVAL
   5.000ms               disk: 5 requests answered (#8 to #12)
`
	if got := h.Text(p); got != want {
		t.Errorf("got\n%s", got)
	}
}

func FuzzReadNeverPanics(f *testing.F) {
	var b bytes.Buffer
	if err := sample().Write(&b); err != nil {
		f.Fatal(err)
	}
	f.Add(b.String())
	f.Fuzz(func(t *testing.T, text string) {
		h, _ := Read(strings.NewReader(text))
		_ = h.Text(prog.New(prog.Read("f", 0, 4096)))
	})
}
