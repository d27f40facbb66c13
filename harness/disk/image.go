package disk

import (
	"fmt"
	"io"
)

// Image is the contents of a disk at one moment. It never changes, shares its chunks with the disks it came from and went to,
// and is safe for use by several goroutines and disks at once.
type Image struct{ contents contents }

// Size returns the size of the disk that the image was taken of, in bytes.
func (i *Image) Size() int64 { return i.contents.size }

// Allocated returns how many bytes of memory the image's chunks take; chunks shared with others count in full.
func (i *Image) Allocated() int64 { return i.contents.allocated() }

// ReadAt reads the image; it implements io.ReaderAt.
func (i *Image) ReadAt(p []byte, off int64) (int, error) {
	return readContents(&i.contents, p, off)
}

// readContents gives readAt the manners of io.ReaderAt.
func readContents(c *contents, p []byte, off int64) (int, error) {
	if off < 0 {
		return 0, fmt.Errorf("read disk at %d: negative offset", off)
	}
	n := int(min(int64(len(p)), max(c.size-off, 0)))
	c.readAt(p[:n], off)
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// Snapshot returns the contents as they are now, in constant time: writes on both sides copy the chunks they change. Held and
// delayed writes are not in it.
func (d *Disk) Snapshot() *Image {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.snapshotLocked()
}

// snapshotLocked is Snapshot. d.mu must be held.
func (d *Disk) snapshotLocked() *Image { return &Image{contents: d.now.share()} }

// Restore makes the contents those of the image, in constant time, and durable. Rules and connections stay as they are. It
// fails if the image is of a disk of another size, or if requests are held or delayed: a write released later would land on
// contents it was not meant for.
func (d *Disk) Restore(image *Image) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case d.closed:
		return fmt.Errorf("restore disk image: %w", ErrClosed)
	case image.Size() != d.size:
		return fmt.Errorf("restore disk image: image has %d bytes, disk has %d", image.Size(), d.size)
	case len(d.held)+len(d.delayed) > 0:
		return fmt.Errorf("restore disk image: %d requests are held and %d delayed: release them first", len(d.held), len(d.delayed))
	}
	// The image's own table must not change, not even by losing its owner: others may be reading it.
	d.now = image.contents
	d.now.owner = new(owner)
	if d.power != nil {
		d.power.reset(&d.now)
	}
	return nil
}
