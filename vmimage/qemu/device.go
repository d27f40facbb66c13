package qemu

import (
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"strings"
)

// Device is one part of the machine: it says what it adds to QEMU's command line.
type Device interface {
	// Args returns QEMU arguments. A file the device talks through is handed to QEMU with fds.Pass.
	Args(fds *FDs) []string
}

// FDs collects the files that QEMU inherits, so that no socket ever has a name in a file system.
type FDs struct {
	files   []*os.File
	sockets []int // the numbers of those that are sockets, in the order in which they were passed
}

// Pass makes QEMU inherit file and returns the descriptor's number there. Start closes file when QEMU has it.
func (f *FDs) Pass(file *os.File) string {
	number := firstFD + len(f.files)
	if info, err := file.Stat(); err == nil && info.Mode()&os.ModeSocket != 0 {
		f.sockets = append(f.sockets, number)
	}
	f.files = append(f.files, file)
	return strconv.Itoa(number)
}

// firstFD is the number of the first file that a process inherits beside the standard ones.
const firstFD = 3

// blockSizes are a disk's block sizes in bytes, as properties; 0 means QEMU's default of 512.
func blockSizes(size int) string {
	if size == 0 {
		return ""
	}
	return fmt.Sprintf(",logical_block_size=%d,physical_block_size=%d", size, size)
}

// virtioBlk is the guest's side of a disk. Requests reach the backend as the guest made them (no merging: a harness that holds the second
// of two writes must see two), and errors reach the guest, all but those that onWriteError says.
func virtioBlk(node, serial string, blockSize int, onWriteError string) string {
	return fmt.Sprintf("virtio-blk-pci,drive=%s,id=%s-dev,serial=%s,num-queues=1,request-merging=off,werror=%s,rerror=report%s",
		node, node, serial, onWriteError, blockSizes(blockSize))
}

// What becomes of a write that fails: the guest is told, or at ENOSPC the machine stops, and writes again once it goes on; see VM.Park.
const (
	report = "report"
	park   = "enospc"
)

// NBD is a disk served by us: QEMU is the client on an inherited socket. The server must be answering before Start is called, because
// QEMU does the handshake while it starts.
type NBD struct {
	Serial    string   // /sys/block/*/serial in the guest; at most 20 bytes
	Socket    *os.File // QEMU's end, from SocketPair
	Export    string   // name asked for in the handshake; may be empty
	BlockSize int      // logical and physical, bytes; 0 means 512
}

// Args implements Device.
func (d NBD) Args(fds *FDs) []string {
	return append(d.export(fds), "-device", virtioBlk(d.node(), d.Serial, d.BlockSize, park))
}

// node is the name of the export's block device node.
func (d NBD) node() string { return "disk-" + d.Serial }

// export makes the node.
func (d NBD) export(fds *FDs) []string {
	return []string{"-blockdev", blockdev(map[string]any{
		"driver": "nbd", "node-name": d.node(), "export": d.Export, "discard": "unmap",
		"server": map[string]string{"type": "fd", "str": fds.Pass(d.Socket)},
	})}
}

// RawDisk is a disk in a file of the host.
type RawDisk struct {
	Serial    string // /sys/block/*/serial in the guest; at most 20 bytes
	Path      string // a file, or a block device
	BlockSize int    // logical and physical, bytes; 0 means 512
}

// Args implements Device.
func (d RawDisk) Args(*FDs) []string {
	node := "disk-" + d.Serial
	return []string{
		"-blockdev", blockdev(map[string]any{
			"driver": "raw", "node-name": node, "discard": "unmap",
			"file": map[string]string{"driver": "file", "filename": d.Path},
		}),
		"-device", virtioBlk(node, d.Serial, d.BlockSize, report),
	}
}

// Throwaway is a disk in a file of the host that stays as it is: what the guest writes goes to a temporary file of QEMU's own, and with it.
// Any number of machines may use one file.
type Throwaway struct {
	Serial string // /sys/block/*/serial in the guest; at most 20 bytes
	Path   string
}

// Args implements Device. Only -drive has snapshots; in its list a comma is written twice.
func (d Throwaway) Args(*FDs) []string {
	node := "disk-" + d.Serial
	return []string{
		"-drive", fmt.Sprintf("if=none,id=%s,format=raw,snapshot=on,cache=unsafe,file=%s", node, strings.ReplaceAll(d.Path, ",", ",,")),
		"-device", virtioBlk(node, d.Serial, 0, report),
	}
}

func blockdev(options map[string]any) string {
	text, err := json.Marshal(options)
	if err != nil {
		panic(fmt.Sprintf("encode block device options %v: %v", options, err))
	}
	return string(text)
}

// Port is a virtio-serial port: /dev/vportNpM in the guest, its name in /sys/class/virtio-ports/*/name.
type Port struct {
	Name   string
	Socket *os.File // QEMU's end, from SocketPair
}

// Args implements Device. The bus is the machine's only virtio-serial device.
func (p Port) Args(fds *FDs) []string {
	id := "port-" + p.Name
	return []string{
		"-chardev", fmt.Sprintf("socket,id=%s,fd=%s", id, fds.Pass(p.Socket)),
		"-device", fmt.Sprintf("virtserialport,chardev=%s,name=%s", id, p.Name),
	}
}

// serialConsole is ttyS0.
type serialConsole struct{ socket *os.File }

func (c serialConsole) Args(fds *FDs) []string {
	return []string{"-chardev", "socket,id=console,fd=" + fds.Pass(c.socket), "-serial", "chardev:console"}
}

// monitor is the QMP socket.
type monitor struct{ socket *os.File }

func (m monitor) Args(fds *FDs) []string {
	return []string{"-chardev", "socket,id=qmp,fd=" + fds.Pass(m.socket), "-mon", "chardev=qmp,mode=control"}
}
