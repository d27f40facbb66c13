package disk

import (
	"fmt"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// ChunkSize is the unit, in bytes, in which contents are shared, and at whose multiples files stand in OpenImage.
const ChunkSize = chunkSize

// File is an open file's place on a disk.
type File struct {
	*os.File
	Off int64 // in bytes, a multiple of ChunkSize
}

// OpenImage returns an image of size bytes that has the files' bytes where they stand, and zeros elsewhere. What a disk writes over them is the
// disk's alone. The files are mapped as long as the process lives, and may be closed; they must not be changed or cut off. So to read what is not in
// the host's page cache waits for the host's disk, and where that fails the process dies (SIGBUS), as it does of a library that cannot be read.
func OpenImage(size int64, files ...File) (*Image, error) {
	image := &Image{contents: newContents(size)}
	for _, f := range files {
		if err := image.contents.back(f); err != nil {
			return nil, fmt.Errorf("open disk image: %w", err)
		}
	}
	image.contents.owner = new(owner)
	return image, nil
}

// back puts a file's chunks where they belong. Their slots get an owner of nobody, so that whoever writes copies them.
func (c *contents) back(f File) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	switch {
	case f.Off%chunkSize != 0:
		return fmt.Errorf("%s: offset %d is no multiple of %d", f.Name(), f.Off, chunkSize)
	case f.Off < 0 || info.Size() > c.size-f.Off:
		return fmt.Errorf("%s: its %d bytes do not fit at %d on a disk of %d", f.Name(), info.Size(), f.Off, c.size)
	case info.Size() == 0:
		return nil
	}
	mapped, err := unix.Mmap(int(f.Fd()), 0, int(info.Size()), unix.PROT_READ, unix.MAP_PRIVATE)
	if err != nil {
		return fmt.Errorf("map %s: %w", f.Name(), err)
	}
	for at := int64(0); at < info.Size(); at += chunkSize {
		s := c.slotForChange(f.Off + at)
		if s.data != nil {
			return fmt.Errorf("%s: at %d there is another file", f.Name(), f.Off+at)
		}
		s.data, s.owner = chunkOf(mapped[at:]), nil
	}
	return nil
}

// chunkOf is the chunk with which mapped memory begins; where that ends before, a copy filled up with zeros.
func chunkOf(mapped []byte) *chunk {
	if len(mapped) >= chunkSize {
		return (*chunk)(unsafe.Pointer(unsafe.SliceData(mapped)))
	}
	c := new(chunk)
	copy(c[:], mapped)
	return c
}
