package disk

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

// BenchmarkDisk measures the disk with the test client over a unix socket: both sides of the socket are in the figures.
func BenchmarkDisk(b *testing.B) {
	for _, write := range []bool{false, true} {
		for _, load := range []struct {
			size   int
			random bool
		}{{4096, true}, {64 << 10, false}, {1 << 20, false}} {
			for _, depth := range []int{1, 16} {
				name := fmt.Sprintf("%s/%s-%dk/qd%d", word(write, "write", "read"), word(load.random, "random", "seq"), load.size>>10, depth)
				b.Run(name, func(b *testing.B) { benchmarkClient(b, write, load.random, load.size, depth) })
			}
		}
	}
}

func word(b bool, yes, no string) string {
	if b {
		return yes
	}
	return no
}

// benchmarkClient keeps depth requests under way, each with a call and a buffer of its own.
func benchmarkClient(b *testing.B, write, random bool, size, depth int) {
	const diskSize = 256 << 20
	s := serve(b, New(diskSize))
	data := fill('x', 1<<20)
	for off := int64(0); off < diskSize; off += 1 << 20 {
		if _, err := s.WriteAt(data, off); err != nil {
			b.Fatal(err)
		}
	}
	var cmd uint16
	var payload []byte
	if write {
		cmd, payload = 1, data[:size]
	}
	rng := rand.New(rand.NewPCG(1, 2))
	slots := make([]*call, depth)
	b.SetBytes(int64(size))
	b.ReportAllocs()
	b.ResetTimer()
	for i := range b.N {
		at := i % (diskSize / size)
		if random {
			at = rng.IntN(diskSize / size)
		}
		w := &slots[i%depth]
		if *w == nil {
			*w = &call{}
		} else if err := (*w).wait(); err != nil {
			b.Fatal(err)
		}
		(*w).done = make(chan struct{})
		s.sendFor(*w, cmd, 0, uint64(at)*uint64(size), uint32(size), payload)
	}
	for _, w := range slots {
		if w != nil {
			_ = w.wait()
		}
	}
}

// BenchmarkDiskWithoutSocket measures what the disk itself costs: rules, events and the copy.
func BenchmarkDiskWithoutSocket(b *testing.B) {
	for _, rules := range []int{0, 10} {
		for _, cmd := range []uint16{cmdRead, cmdWrite} {
			b.Run(fmt.Sprintf("rules-%d/%s-4k", rules, word(cmd == cmdWrite, "write", "read")), func(b *testing.B) {
				d := New(64 << 20)
				defer d.Close()
				for range rules {
					d.Hold(Match{Ops: AllOps, Ranges: []Range{{1 << 40, 1 << 41}}})
				}
				c, payload, out := new(conn), fill('x', 4096), make([]byte, 0, 1<<16)
				b.SetBytes(4096)
				b.ReportAllocs()
				for i := range b.N {
					h := header{cmd: cmd, off: uint64(i%16384) * 4096, length: 4096}
					out = d.arrive(c, h, payload, out[:0])
				}
			})
		}
	}
}
