//go:build linux

package fsys

import (
	"encoding/binary"
	"fmt"
	"unsafe"

	"golang.org/x/sys/unix"
)

// btrfsTreeSearch is BTRFS_IOC_TREE_SEARCH of linux/btrfs.h: _IOWR(0x94, 17, struct btrfs_ioctl_search_args), which has 4096 bytes.
const btrfsTreeSearch = 0xD0009411

// Keys of chunk items (linux/btrfs_tree.h).
const (
	chunkTree     = 3   // BTRFS_CHUNK_TREE_OBJECTID
	chunkObject   = 256 // BTRFS_FIRST_CHUNK_TREE_OBJECTID
	chunkItemType = 228 // BTRFS_CHUNK_ITEM_KEY
)

// Layout of struct btrfs_ioctl_search_args: the key, whose nr_items is both asked and answered, then items, each with a header.
const (
	searchSize       = 4096
	searchKeySize    = 104
	searchItemsAt    = 64
	searchHeaderSize = 32
)

// readChunks reads the whole chunk tree of the btrfs that fd is a file of. It needs CAP_SYS_ADMIN.
func readChunks(fd int) ([]chunk, error) {
	var out []chunk
	for from := uint64(0); ; {
		batch, err := searchChunks(fd, from)
		if err != nil {
			return nil, err
		}
		if len(batch) == 0 {
			return out, nil
		}
		out = append(out, batch...)
		from = uint64(batch[len(batch)-1].logical) + 1
	}
}

func searchChunks(fd int, from uint64) ([]chunk, error) {
	words := make([]uint64, searchSize/8)
	buf := unsafe.Slice((*byte)(unsafe.Pointer(&words[0])), searchSize)
	putSearchKey(buf, from)
	if _, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), btrfsTreeSearch, uintptr(unsafe.Pointer(&words[0]))); errno != 0 {
		return nil, errno
	}
	return decodeSearch(buf)
}

// putSearchKey asks for all chunk items whose logical address is at least from.
//
//	0 tree  8 min_objectid  16 max_objectid  24 min_offset  32 max_offset  40 min_transid  48 max_transid
//	56 min_type  60 max_type  64 nr_items
func putSearchKey(b []byte, from uint64) {
	const all = ^uint64(0)
	for i, v := range []uint64{chunkTree, chunkObject, chunkObject, from, all, 0, all} {
		binary.NativeEndian.PutUint64(b[i*8:], v)
	}
	for i, v := range []uint32{chunkItemType, chunkItemType, ^uint32(0)} {
		binary.NativeEndian.PutUint32(b[56+i*4:], v)
	}
}

// decodeSearch reads the items that the kernel answered with: a header (0 transid  8 objectid  16 offset  24 type  28 len), native
// endian, then the item as it is on disk.
func decodeSearch(b []byte) ([]chunk, error) {
	n := binary.NativeEndian.Uint32(b[searchItemsAt:])
	var out []chunk
	rest := b[searchKeySize:]
	for i := range n {
		if len(rest) < searchHeaderSize {
			return nil, fmt.Errorf("item %d of %d is cut off", i, n)
		}
		logical, kind, size := binary.NativeEndian.Uint64(rest[16:]), binary.NativeEndian.Uint32(rest[24:]), binary.NativeEndian.Uint32(rest[28:])
		rest = rest[searchHeaderSize:]
		if uint64(len(rest)) < uint64(size) {
			return nil, fmt.Errorf("item %d of %d is cut off", i, n)
		}
		if kind == chunkItemType {
			c, err := decodeChunk(int64(logical), rest[:size])
			if err != nil {
				return nil, err
			}
			out = append(out, c)
		}
		rest = rest[size:]
	}
	return out, nil
}
