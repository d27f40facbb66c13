package disk

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// qemuLoad is one load of qemu-img bench.
type qemuLoad struct {
	name  string
	write bool
	bytes int // of a request
	count int
	depth int
	// step is the distance of requests in bytes; 0 is sequential. qemu-img cannot draw random offsets: a large odd number of
	// blocks, which wraps round the disk, is as good against read-ahead.
	step int
}

func qemuLoads() []qemuLoad {
	const far = 4096 * 10007
	return []qemuLoad{
		{"read-seq-64k-qd1", false, 64 << 10, 16384, 1, 0},
		{"read-seq-64k-qd16", false, 64 << 10, 16384, 16, 0},
		{"read-seq-1M-qd4", false, 1 << 20, 2048, 4, 0},
		{"read-far-4k-qd1", false, 4096, 40000, 1, far},
		{"read-far-4k-qd16", false, 4096, 80000, 16, far},
		{"write-seq-64k-qd1", true, 64 << 10, 16384, 1, 0},
		{"write-seq-64k-qd16", true, 64 << 10, 16384, 16, 0},
		{"write-seq-1M-qd4", true, 1 << 20, 2048, 4, 0},
		{"write-far-4k-qd1", true, 4096, 40000, 1, far},
		{"write-far-4k-qd16", true, 4096, 80000, 16, far},
	}
}

// BenchmarkQEMUAgainstFile measures the disk through QEMU's NBD driver against a raw file through QEMU's file driver, one after
// the other, three times, and reports the best time of each. It needs qemu-img of Debian's qemu-utils. Run it with
// -benchtime 1x and TMPDIR on a tmpfs.
func BenchmarkQEMUAgainstFile(b *testing.B) {
	qemuImg, err := exec.LookPath("qemu-img")
	if err != nil {
		b.Skip("qemu-img not found: install the package qemu-utils, or put an unpacked one into PATH")
	}
	const size = 512 << 20
	url := serveQEMU(b, size)
	file := filepath.Join(shortDir(b), "raw")
	if err := os.WriteFile(file, make([]byte, size), 0o600); err != nil {
		b.Fatal(err)
	}
	for _, load := range qemuLoads() {
		b.Run(load.name, func(b *testing.B) {
			var nbd, raw time.Duration
			for b.Loop() {
				nbd, raw = compareQEMU(b, qemuImg, load, url, file)
			}
			mb := float64(load.bytes) * float64(load.count) / 1e6
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(mb/nbd.Seconds(), "disk-MB/s")
			b.ReportMetric(mb/raw.Seconds(), "file-MB/s")
			b.ReportMetric(raw.Seconds()/nbd.Seconds(), "ratio")
		})
	}
}

// serveQEMU serves a disk at a socket until the benchmark ends and returns its address. The whole disk is written first, as the
// file is.
func serveQEMU(b *testing.B, size int64) string {
	d := New(size)
	for off := int64(0); off < size; off += 1 << 20 {
		if _, err := d.WriteAt(fill('q', 1<<20), off); err != nil {
			b.Fatal(err)
		}
	}
	path := filepath.Join(shortDir(b), "nbd")
	l, err := net.Listen("unix", path)
	if err != nil {
		b.Fatal(err)
	}
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			if err := d.Serve(b.Context(), conn); err != nil {
				b.Error(err)
			}
		}
	})
	b.Cleanup(func() {
		l.Close()
		serving.Wait()
		d.Close()
	})
	return "nbd+unix:///?socket=" + path
}

// compareQEMU returns the best of three runs on both backends.
func compareQEMU(b *testing.B, qemuImg string, load qemuLoad, url, file string) (nbd, raw time.Duration) {
	nbd, raw = time.Hour, time.Hour
	for range 3 {
		nbd = min(nbd, runQEMU(b, qemuImg, load, url))
		raw = min(raw, runQEMU(b, qemuImg, load, file))
	}
	return nbd, raw
}

// runQEMU runs one load and returns the time that qemu-img took for the requests alone.
func runQEMU(b *testing.B, qemuImg string, load qemuLoad, target string) time.Duration {
	args := []string{"bench", "-f", "raw", "-t", "writeback", "-c", strconv.Itoa(load.count), "-d", strconv.Itoa(load.depth),
		"-s", strconv.Itoa(load.bytes), "-S", strconv.Itoa(load.step)}
	if load.write {
		args = append(args, "-w")
	}
	out, err := exec.CommandContext(b.Context(), qemuImg, append(args, target)...).CombinedOutput()
	if err != nil {
		b.Fatalf("qemu-img %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	var seconds float64
	_, took, _ := strings.Cut(string(out), "Run completed in ")
	if _, err := fmt.Sscanf(took, "%g seconds", &seconds); err != nil {
		b.Fatalf("qemu-img printed no time:\n%s", out)
	}
	return time.Duration(seconds * float64(time.Second))
}
