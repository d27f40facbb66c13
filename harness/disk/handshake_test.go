package disk

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
)

// rawServe starts Serve on one end of a pipe and returns the other, past the greeting.
func rawServe(t *testing.T, ctx context.Context, d *Disk) (net.Conn, <-chan error) {
	t.Helper()
	near, far := net.Pipe()
	result := make(chan error, 1)
	go func() { result <- d.Serve(ctx, far) }()
	t.Cleanup(func() {
		near.Close()
		d.Close()
	})
	if _, err := io.ReadFull(near, make([]byte, 18)); err != nil {
		t.Fatal(err)
	}
	return near, result
}

func TestAClientThatDoesNotSpeakTheProtocolEndsServeWithAnError(t *testing.T) {
	chosen := "\x00\x00\x00\x03" + string(option(7, []byte("\x00\x00\x00\x00\x00\x00")))
	request := func(cmd byte, length uint32) string {
		b := append([]byte{0x25, 0x60, 0x95, 0x13, 0, 0, 0, cmd}, make([]byte, 16)...)
		return string(binary.BigEndian.AppendUint32(b, length))
	}
	tests := []struct{ name, send, want string }{
		{"no fixed newstyle", "\x00\x00\x00\x02", "FIXED_NEWSTYLE"},
		{"unknown client flags", "\x00\x00\x00\x07", "0x7"},
		{"wrong option magic", "\x00\x00\x00\x03IHAVEOPX\x00\x00\x00\x07\x00\x00\x00\x00", "option: magic"},
		{"overlong option", "\x00\x00\x00\x03IHAVEOPT\x00\x00\x00\x07\x7f\x00\x00\x00", "limit is 16384"},
		{"unknown export the old way", "\x00\x00\x00\x03" + string(option(1, []byte("other"))), `open nbd export "other": unknown, want "main"`},
		{"gone in the handshake", "\x00\x00\x00\x03IHAVE", "unexpected EOF"},
		{"gone before the handshake", "", "client flags: EOF"},
		{"wrong request magic", chosen + strings.Repeat("x", 28), "request: magic 0x78787878"},
		{"overlong write", chosen + request(1, 1<<25+1), "write of 33554433 bytes, limit is 33554432"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			conn, result := rawServe(t, t.Context(), New(1<<20, Export("main")))
			go func() { _, _ = io.Copy(io.Discard, conn) }()
			_, _ = io.WriteString(conn, tt.send)
			if strings.Contains(tt.want, "EOF") {
				conn.Close()
			}
			if err := <-result; err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Fatalf("Serve returned %v, want an error with %q", err, tt.want)
			}
		})
	}
}

// The answers are numbered as in the protocol's text: 1 ACK, 2 SERVER, 3 INFO, and errors with the top bit.
func TestOptionsGetTheAnswersOfTheSpecification(t *testing.T) {
	const unsup, invalid, unknown = 1<<31 + 1, 1<<31 + 3, 1<<31 + 6
	named := func(name string) []byte {
		return append(append([]byte{0, 0, 0, byte(len(name))}, name...), 0, 0)
	}
	tests := []struct {
		name   string
		option uint32
		data   []byte
		want   []uint32
	}{
		{"list", 3, nil, []uint32{2, 1}},
		{"list with data", 3, []byte("x"), []uint32{invalid}},
		{"starttls", 5, nil, []uint32{unsup}},
		{"structured replies", 8, nil, []uint32{unsup}},
		{"something new", 99, []byte("abc"), []uint32{unsup}},
		{"info", 6, named("main"), []uint32{3, 3, 1}},
		{"info on the default export", 6, named(""), []uint32{3, 3, 1}},
		{"info on another export", 6, named("other"), []uint32{unknown}},
		{"go to another export", 7, named("other"), []uint32{unknown}},
		{"go too short", 7, []byte{0, 0}, []uint32{invalid}},
		{"go with a name beyond its end", 7, []byte{255, 255, 255, 255, 'a', 0, 0}, []uint32{invalid}},
		{"go with too few requests", 7, []byte{0, 0, 0, 0, 0, 1}, []uint32{invalid}},
	}
	conn, result := rawServe(t, t.Context(), New(1<<20, Export("main")))
	_, _ = io.WriteString(conn, "\x00\x00\x00\x03")
	for _, tt := range tests {
		// One connection for all: an option that is refused must not spoil the next.
		_, _ = conn.Write(option(tt.option, tt.data))
		for _, want := range tt.want {
			if kind, _, err := readOptionReply(conn); kind != want || err != nil {
				t.Fatalf("%s: reply %#x, %v, want %#x", tt.name, kind, err, want)
			}
		}
	}
	_, _ = conn.Write(option(2, nil))
	if kind, _, err := readOptionReply(conn); kind != 1 || err != nil {
		t.Fatalf("abort: reply %#x, %v, want an acknowledgement", kind, err)
	}
	if err := <-result; err != nil {
		t.Fatalf("Serve after an abort: %v", err)
	}
}

func TestExportNameOpensTheDiskTheOldWay(t *testing.T) {
	for flags, padding := range map[string]int{"\x00\x00\x00\x03": 0, "\x00\x00\x00\x01": 124} {
		conn, result := rawServe(t, t.Context(), New(1<<20, Export("main")))
		_, _ = io.WriteString(conn, flags)
		_, _ = conn.Write(option(1, []byte("main")))
		got := make([]byte, 10+padding)
		if _, err := io.ReadFull(conn, got); err != nil {
			t.Fatal(err)
		}
		// HAS_FLAGS, SEND_FLUSH, SEND_FUA, SEND_TRIM, SEND_WRITE_ZEROES; not READ_ONLY, not CAN_MULTI_CONN.
		if size, flags := binary.BigEndian.Uint64(got), binary.BigEndian.Uint16(got[8:]); size != 1<<20 || flags != 0b1101101 {
			t.Errorf("size %d, flags %#b", size, flags)
		}
		conn.Close()
		ok(t, <-result)
	}
}

func TestGoTellsTheSize(t *testing.T) {
	if s := serve(t, New(12345*512)); s.client.size != 12345*512 {
		t.Fatalf("size %d", s.client.size)
	}
}

func TestServeReturnsTheReasonWhyItWasEnded(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	why := errors.New("the test is over")
	_, result := rawServe(t, ctx, New(1<<20))
	cancel(why)
	if err := <-result; !errors.Is(err, why) {
		t.Errorf("Serve returned %v, want %v", err, why)
	}
	d := New(1 << 20)
	d.Close()
	d.Close()
	near, far := net.Pipe()
	defer near.Close()
	if err := d.Serve(t.Context(), far); !errors.Is(err, ErrClosed) {
		t.Errorf("Serve of a closed disk returned %v", err)
	}
}

func TestAClientThatHasGreetedBeforeIsServedAtOnce(t *testing.T) {
	d := New(1 << 20)
	near, far := net.Pipe()
	result := make(chan error, 1)
	go func() { result <- d.Resume(t.Context(), far) }()
	request := binary.BigEndian.AppendUint32(nil, 0x25609513)
	request = append(request, make([]byte, 4+8+8)...) // flags and READ, a cookie, the offset
	request = append(request, 0, 0, 2, 0)             // 512 bytes
	go func() { _, _ = near.Write(request) }()
	answer := make([]byte, 16+512)
	if _, err := io.ReadFull(near, answer); err != nil || binary.BigEndian.Uint32(answer) != 0x67446698 || binary.BigEndian.Uint32(answer[4:]) != 0 {
		t.Errorf("answer %x, %v", answer[:16], err)
	}
	near.Close()
	ok(t, <-result)
}
