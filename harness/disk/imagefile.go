package disk

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// The file form of an image: imageMagic, the size, the number of chunks, the chunks, the number of places, and the places in ascending
// order, each the number of a chunk on the disk and of one in the file. Numbers are little-endian, of 64 bits. A chunk that an image
// refers to from many places (a disk that was filled with one byte) is in the file once; one of zeros is not. An image over another lists the
// places only where it is not that one, also those of zeros.
const imageMagic = "iomapcheck disk image 1\n"

// ErrImageFile says that what should be the file form of an image is not.
var ErrImageFile = errors.New("not a disk image")

// place is where a chunk stands on a disk.
type place struct {
	at   int64 // in chunks
	data *chunk
}

// changes lists the chunks that are not those of base, in the order of the disk.
func (c *contents) changes(base *contents) []place {
	var all []place
	zero := new(chunk)
	for i, l := range c.root {
		below := base.root[i]
		if l == below {
			continue
		}
		if l == nil {
			l = &leaf{}
		}
		if below == nil {
			below = &leaf{}
		}
		for j := range l.slots {
			at, data, under := int64(i*leafChunks+j), l.slots[j].data, below.slots[j].data
			switch {
			case data == under || under == nil && *data == *zero:
			case data == nil:
				all = append(all, place{at, zero})
			default:
				all = append(all, place{at, data})
			}
		}
	}
	return all
}

// WriteTo writes the image's file form; it implements io.WriterTo.
func (i *Image) WriteTo(w io.Writer) (int64, error) {
	blank := newContents(i.Size())
	return i.write(w, &blank)
}

// WriteOver writes the file form of what a disk made of base, for ReadImageOver. The image must be of a disk that base was restored to.
func (i *Image) WriteOver(w io.Writer, base *Image) (int64, error) {
	if base.Size() != i.Size() {
		return 0, fmt.Errorf("write disk image: it has %d bytes, what it stands on %d", i.Size(), base.Size())
	}
	return i.write(w, &base.contents)
}

func (i *Image) write(w io.Writer, base *contents) (int64, error) {
	out := &imageWriter{w: bufio.NewWriterSize(w, 1<<20)}
	places := i.contents.changes(base)
	number := map[*chunk]int64{}
	var chunks []*chunk
	for _, p := range places {
		if _, seen := number[p.data]; !seen {
			number[p.data] = int64(len(chunks))
			chunks = append(chunks, p.data)
		}
	}
	out.bytes([]byte(imageMagic))
	out.numbers(i.Size(), int64(len(chunks)))
	for _, c := range chunks {
		out.bytes(c[:])
	}
	out.numbers(int64(len(places)))
	for _, p := range places {
		out.numbers(p.at, number[p.data])
	}
	if err := errors.Join(out.err, out.w.Flush()); err != nil {
		return out.n, fmt.Errorf("write disk image: %w", err)
	}
	return out.n, nil
}

// imageWriter counts and keeps the first error.
type imageWriter struct {
	w   *bufio.Writer
	n   int64
	err error
}

func (w *imageWriter) bytes(p []byte) {
	if w.err == nil {
		_, w.err = w.w.Write(p)
		w.n += int64(len(p))
	}
}

func (w *imageWriter) numbers(list ...int64) {
	for _, n := range list {
		w.bytes(binary.LittleEndian.AppendUint64(nil, uint64(n)))
	}
}

// ReadImage reads an image's file form; whatever else it is given is ErrImageFile. It takes no more memory than its input has bytes, and that
// of an empty disk of the size that the input names.
func ReadImage(r io.Reader) (*Image, error) { return readImage(r, nil) }

// ReadImageOver reads what WriteOver wrote over the same bytes.
func ReadImageOver(r io.Reader, base *Image) (*Image, error) { return readImage(r, base) }

// readImage reads an image over base, nil for none.
func readImage(r io.Reader, base *Image) (*Image, error) {
	in := &imageReader{r: bufio.NewReaderSize(r, 1<<20)}
	magic := make([]byte, len(imageMagic))
	in.bytes(magic)
	if in.err == nil && string(magic) != imageMagic {
		in.err = ErrImageFile
	}
	size, count := in.number(0, maxImageSize), in.number(0, maxImageSize/chunkSize)
	if in.err != nil {
		return nil, fmt.Errorf("read disk image: %w", in.err)
	}
	image := &Image{contents: newContents(size)}
	if base != nil {
		if base.Size() != size {
			return nil, fmt.Errorf("read disk image: %w: it is of %d bytes, what it stands on has %d", ErrImageFile, size, base.Size())
		}
		image.contents = base.contents
		image.contents.owner = new(owner)
	}
	in.fill(&image.contents, in.chunks(count))
	if in.err != nil {
		return nil, fmt.Errorf("read disk image: %w", in.err)
	}
	return image, nil
}

// maxImageSize bounds a disk whose image is read, in bytes.
const maxImageSize = 1 << 40

// imageReader keeps the first error.
type imageReader struct {
	r   *bufio.Reader
	err error
}

func (r *imageReader) bytes(p []byte) {
	if r.err != nil {
		return
	}
	if _, err := io.ReadFull(r.r, p); err != nil {
		r.err = fmt.Errorf("%w: it ends early: %w", ErrImageFile, err)
	}
}

// number reads a number of [from, below]; 0 after an error.
func (r *imageReader) number(from, most int64) int64 {
	var b [8]byte
	r.bytes(b[:])
	n := int64(binary.LittleEndian.Uint64(b[:]))
	if r.err == nil && (n < from || n > most) {
		r.err = fmt.Errorf("%w: number %d is not within [%d, %d]", ErrImageFile, n, from, most)
	}
	if r.err != nil {
		return 0
	}
	return n
}

func (r *imageReader) chunks(count int64) []*chunk {
	var all []*chunk
	for range count {
		c := new(chunk)
		if r.bytes(c[:]); r.err != nil {
			return nil
		}
		all = append(all, c)
	}
	return all
}

// fill puts the chunks where they belong. The slots get an owner of nobody: chunks are shared between places.
func (r *imageReader) fill(c *contents, chunks []*chunk) {
	last := (c.size+chunkSize-1)/chunkSize - 1
	for next, left := int64(0), r.number(0, last+1); left > 0 && r.err == nil; left-- {
		at := r.number(next, last)
		which := r.number(0, int64(len(chunks))-1)
		if r.err == nil {
			s := c.slotForChange(at * chunkSize)
			s.data, s.owner = chunks[which], nil
		}
		next = at + 1
	}
	c.owner = new(owner)
}
