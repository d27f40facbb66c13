package qemu

import (
	"encoding/binary"
	"io"
	"net"
	"testing"
	"time"
)

// nbdRead is a read request as the stub server saw it.
type nbdRead struct{ offset, length uint64 }

// serveNBD is the least NBD server that QEMU accepts (the protocol is doc/proto.md of the NBD project): a 1 MiB disk of zeros. It reports
// reads and returns when the client goes.
func serveNBD(conn net.Conn, reads chan<- nbdRead) error {
	defer conn.Close()
	put := func(values ...any) {
		for _, value := range values {
			_ = binary.Write(conn, binary.BigEndian, value)
		}
	}
	const magic, optionMagic, replyMagic = 0x4e42444d41474943, 0x49484156454f5054, 0x3e889045565a9
	put(uint64(magic), uint64(optionMagic), uint16(3))
	if _, err := io.CopyN(io.Discard, conn, 4); err != nil {
		return err
	}
	const (
		optionAbort, optionInfo, optionGo = 2, 6, 7
		replyAck, replyInfo               = 1, 3
		unsupported                       = 1<<31 + 1
	)
	for negotiating := true; negotiating; {
		var option struct {
			Magic        uint64
			Kind, Length uint32
		}
		if err := binary.Read(conn, binary.BigEndian, &option); err != nil {
			return err
		}
		if _, err := io.CopyN(io.Discard, conn, int64(option.Length)); err != nil {
			return err
		}
		switch option.Kind {
		case optionInfo, optionGo:
			put(uint64(replyMagic), option.Kind, uint32(replyInfo), uint32(12), uint16(0), uint64(1<<20), uint16(1))
			put(uint64(replyMagic), option.Kind, uint32(replyAck), uint32(0))
			negotiating = option.Kind != optionGo
		case optionAbort:
			return nil
		default:
			put(uint64(replyMagic), option.Kind, uint32(unsupported), uint32(0))
		}
	}
	for {
		var request struct {
			Magic          uint32
			Flags, Kind    uint16
			Cookie, Offset uint64
			Length         uint32
		}
		if err := binary.Read(conn, binary.BigEndian, &request); err != nil {
			return err
		}
		put(uint32(0x67446698), uint32(0), request.Cookie)
		if request.Kind == 0 {
			put(make([]byte, request.Length))
			select {
			case reads <- nbdRead{request.Offset, uint64(request.Length)}:
			default:
			}
		}
	}
}

func TestQEMUIsAnNBDClientOnAnInheritedSocket(t *testing.T) {
	needQEMU(t)
	ours, theirs, err := SocketPair()
	if err != nil {
		t.Fatal(err)
	}
	reads, served := make(chan nbdRead, 1), make(chan error, 1)
	go func() { served <- serveNBD(ours, reads) }()
	// The firmware looks for a boot sector.
	vm := startVM(t, Config{MemoryMiB: 64, Devices: []Device{NBD{Serial: "scratch", Socket: theirs}}})
	select {
	case read := <-reads:
		if read.offset != 0 || read.length < 512 {
			t.Errorf("first read %+v, want the boot sector", read)
		}
	case err := <-served:
		t.Fatalf("QEMU left: %v; %v", err, vm.Err())
	case <-time.After(limit):
		t.Fatal("no read arrived")
	}
	vm.Stop(t.Context())
	<-served
}

func TestAnNBDServerThatHangsUpIsOurFailure(t *testing.T) {
	needQEMU(t)
	ours, theirs, err := SocketPair()
	if err != nil {
		t.Fatal(err)
	}
	ours.Close()
	_, err = Start(t.Context(), Config{Devices: []Device{NBD{Serial: "scratch", Socket: theirs}}})
	if _, infra := err.(*InfraError); !infra {
		t.Errorf("Start: %v, want an InfraError", err)
	}
	t.Log(err)
}
