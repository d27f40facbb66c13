package disk

import (
	"bytes"
	"io"
	"net"
	"testing"
	"time"
)

// scripted is a connection whose client says what is in the reader, hears nothing, and leaves.
type scripted struct {
	net.Conn
	in *bytes.Reader
}

func (s scripted) Read(p []byte) (int, error)       { return s.in.Read(p) }
func (s scripted) Write(p []byte) (int, error)      { return io.Discard.Write(p) }
func (s scripted) Close() error                     { return nil }
func (s scripted) SetReadDeadline(time.Time) error  { return nil }
func (s scripted) SetWriteDeadline(time.Time) error { return nil }

// FuzzServe says anything to the disk, from the first byte of the handshake on. It must neither panic nor hang, must keep what
// it allocates within the size of the disk, and must end every request that has arrived exactly once.
func FuzzServe(f *testing.F) {
	opened := "\x00\x00\x00\x03" + string(option(7, make([]byte, 6)))
	f.Add([]byte("\x00\x00\x00\x01" + string(option(1, nil))))
	f.Add([]byte("\x00\x00\x00\x03" + string(option(3, nil)) + string(option(6, []byte("\x00\x00\x00\x01x\x00\x00"))) + string(option(2, nil))))
	for cmd := range byte(8) {
		request := "\x25\x60\x95\x13\x00\x01\x00" + string(cmd) + "handle!!" + "\x00\x00\x00\x00\x00\x00\x02\x00" + "\x00\x00\x00\x04" + "data"
		f.Add([]byte(opened + request + request))
	}
	f.Fuzz(func(t *testing.T, said []byte) {
		d := New(1<<20, EnableCut())
		d.Hold(Match{Ops: AllOps, Ranges: []Range{{0, 4096}}})
		d.Lose(Match{Ops: Writes, Ranges: []Range{{4096, 8192}}}, 1)
		open := map[RequestID]bool{}
		d.Record(func(e Event) {
			switch e.What {
			case Arrived:
				open[e.ID] = true
			case Answered, Failed, Dropped:
				if !open[e.ID] {
					t.Errorf("%v: the request had not arrived or had ended", e)
				}
				delete(open, e.ID)
			}
		})
		_ = d.Serve(t.Context(), scripted{in: bytes.NewReader(said)})
		if len(open) > 0 {
			t.Errorf("requests without an end: %v", open)
		}
		if got := d.Allocated(); got > 1<<20 {
			t.Errorf("%d bytes allocated", got)
		}
		d.Close()
	})
}
