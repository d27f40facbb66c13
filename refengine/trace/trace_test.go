package trace

import (
	"testing"

	"github.com/iomapcheck/iomapcheck/refengine/errno"
)

func TestEventPrintsWhatItHasOnOneLine(t *testing.T) {
	for _, c := range []struct {
		e    Event
		want string
	}{
		{Event{Name: DioRWBegin, Task: "writer", File: "f", Pos: 0x1000, End: 0x3000, Step: 7}, "7 writer iomap:iomap_dio_rw_begin f [0x1000, 0x3000)"},
		{Event{Name: DioComplete, Task: "w", File: "f", End: 512, Ret: 512}, "0 w iomap:iomap_dio_complete f [0x0, 0x200) ret=512"},
		{Event{Name: Printk, Task: "w", Errno: errno.EIO, Text: "a b"}, `0 w printk EIO "a b"`},
	} {
		if got := c.e.String(); got != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
}

func TestNilSinkTakesEvents(t *testing.T) {
	Sink(nil).Emit(Event{})
	n := 0
	Sink(func(Event) { n++ }).Emit(Event{})
	if n != 1 {
		t.Error("a sink was not told")
	}
}
