//go:build linux

package fsys

import (
	"encoding/binary"
	"fmt"
)

// chunk is one item of the btrfs chunk tree: a run of logical addresses and where its copies are. FIEMAP on btrfs gives logical addresses.
type chunk struct {
	logical, length int64
	kind            uint64 // BTRFS_BLOCK_GROUP_*
	stripes         []stripe
}

// stripe is one copy of a chunk, or for striped profiles one part.
type stripe struct {
	device uint64 // number within the file system
	offset int64  // byte on the device
}

func (c chunk) end() int64 { return c.logical + c.length }

// Profiles of a chunk that keep it whole on one device (linux/btrfs_tree.h): single, which has no bit, and DUP.
const (
	groupTypes = 1<<0 | 1<<1 | 1<<2 // data, system, metadata
	groupDup   = 1 << 5
)

// Sizes of struct btrfs_chunk without its stripes, and of struct btrfs_stripe, on disk.
const (
	chunkSize  = 48
	stripeSize = 32
)

// decodeChunk reads a struct btrfs_chunk as it is on disk, little endian; its key's offset is the logical address.
//
//	0 length  8 owner  16 stripe_len  24 type  32 io_align  36 io_width  40 sector_size  44 num_stripes  46 sub_stripes  48 stripes
//	stripe: 0 devid  8 offset  16 dev_uuid
func decodeChunk(logical int64, b []byte) (chunk, error) {
	if len(b) < chunkSize {
		return chunk{}, fmt.Errorf("chunk %#x has %d bytes, want at least %d", logical, len(b), chunkSize)
	}
	le := binary.LittleEndian
	c := chunk{logical: logical, length: int64(le.Uint64(b)), kind: le.Uint64(b[24:])}
	n := int(le.Uint16(b[44:]))
	if n == 0 || len(b) < chunkSize+n*stripeSize {
		return chunk{}, fmt.Errorf("chunk %#x has %d bytes, not enough for its %d stripes", logical, len(b), n)
	}
	if c.length <= 0 || c.end() < 0 || logical < 0 {
		return chunk{}, fmt.Errorf("chunk %#x has length %#x", logical, uint64(c.length))
	}
	for s := b[chunkSize:]; len(c.stripes) < n; s = s[stripeSize:] {
		c.stripes = append(c.stripes, stripe{device: le.Uint64(s), offset: int64(le.Uint64(s[8:]))})
	}
	return c, nil
}

// physical turns ranges whose Disk is a logical address of btrfs into ranges of the device, cut where a chunk ends.
func physical(ranges []Range, chunks []chunk) ([]Range, error) {
	if err := oneDevice(chunks); err != nil {
		return nil, err
	}
	var out []Range
	for _, r := range ranges {
		for r.Len > 0 {
			c, err := chunkOf(r, chunks)
			if err != nil {
				return nil, err
			}
			n := min(r.Len, c.end()-r.Disk)
			for _, s := range c.stripes {
				piece := r
				piece.Disk, piece.Len = s.offset+r.Disk-c.logical, n
				out = append(out, piece)
			}
			r.File, r.Disk, r.Len = r.File+n, r.Disk+n, r.Len-n
		}
	}
	return out, nil
}

func oneDevice(chunks []chunk) error {
	for _, c := range chunks {
		for _, s := range c.stripes {
			if first := chunks[0].stripes[0].device; s.device != first {
				return fmt.Errorf("find file range on the device: this btrfs has several (%d and %d)", first, s.device)
			}
		}
	}
	return nil
}

// chunkOf finds the chunk in which the range begins.
func chunkOf(r Range, chunks []chunk) (chunk, error) {
	for _, c := range chunks {
		if c.logical <= r.Disk && r.Disk < c.end() {
			if extra := c.kind &^ (groupTypes | groupDup); extra != 0 {
				return chunk{}, &ExtentError{r.File, r.Len, fmt.Sprintf("it is in a chunk of a striped profile (type %#x)", c.kind)}
			}
			return c, nil
		}
	}
	return chunk{}, &ExtentError{r.File, r.Len, fmt.Sprintf("no chunk has its logical address %#x", r.Disk)}
}
