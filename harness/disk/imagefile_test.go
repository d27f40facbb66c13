package disk

import (
	"bytes"
	"errors"
	"strings"
	"testing"
)

// written is the file form of an image.
func written(t testing.TB, i *Image) []byte {
	t.Helper()
	var b bytes.Buffer
	n, err := i.WriteTo(&b)
	if err != nil || n != int64(b.Len()) {
		t.Fatalf("wrote %d bytes of %d: %v", n, b.Len(), err)
	}
	return b.Bytes()
}

// same compares two images byte for byte.
func same(t *testing.T, a, b *Image) {
	t.Helper()
	x, y := make([]byte, a.Size()), make([]byte, b.Size())
	for _, read := range []struct {
		i *Image
		p []byte
	}{{a, x}, {b, y}} {
		if _, err := read.i.ReadAt(read.p, 0); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(x, y) {
		t.Error("the image that was read differs from the one written")
	}
}

// sample is a disk with holes, a chunk of zeros, and a last chunk that is cut short.
func sample(t testing.TB) *Disk {
	t.Helper()
	d := New(3*leafSize + 5000)
	for at, text := range map[int64]string{0: "begin", 3 * chunkSize: "third", leafSize - 3: "across", 3*leafSize + 4000: "end"} {
		if _, err := d.WriteAt([]byte(text), at); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := d.WriteAt(make([]byte, chunkSize), 7*chunkSize); err != nil {
		t.Fatal(err)
	}
	return d
}

func TestAnImageReadFromItsFileIsTheSameAndCanBeChangedApart(t *testing.T) {
	d := sample(t)
	defer d.Close()
	image := d.Snapshot()
	read, err := ReadImage(bytes.NewReader(written(t, image)))
	if err != nil {
		t.Fatal(err)
	}
	same(t, image, read)
	two := New(read.Size())
	defer two.Close()
	if err := two.Restore(read); err != nil {
		t.Fatal(err)
	}
	if _, err := two.WriteAt([]byte("changed"), 0); err != nil {
		t.Fatal(err)
	}
	same(t, image, read)
}

func TestAnImageOfOneByteTakesOneChunkInItsFile(t *testing.T) {
	d := New(64 * chunkSize)
	defer d.Close()
	image := d.Snapshot()
	filled := new(chunk)
	filled[0] = 'x'
	for at := range int64(64) {
		s := image.contents.slotForChange(at * chunkSize)
		s.data, s.owner = filled, nil
	}
	file := written(t, image)
	if len(file) > 2*chunkSize {
		t.Errorf("the file has %d bytes", len(file))
	}
	read, err := ReadImage(bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	same(t, image, read)
}

func TestWhatIsNoImageIsRefused(t *testing.T) {
	d := sample(t)
	defer d.Close()
	good := written(t, d.Snapshot())
	far := bytes.Clone(good)
	far[len(far)-16+6] = 1 // the last place, beyond the disk
	for name, file := range map[string][]byte{
		"nothing": nil, "other text": []byte(strings.Repeat("no image at all\n", 9)), "cut short": good[:len(good)-1], "place beyond the end": far,
	} {
		if _, err := ReadImage(bytes.NewReader(file)); !errors.Is(err, ErrImageFile) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func FuzzReadImage(f *testing.F) {
	d := New(2 * chunkSize)
	defer d.Close()
	if _, err := d.WriteAt([]byte("x"), chunkSize); err != nil {
		f.Fatal(err)
	}
	f.Add(written(f, d.Snapshot()))
	f.Add([]byte(imageMagic))
	f.Fuzz(func(t *testing.T, file []byte) {
		if len(file) > len(imageMagic)+6 && file[len(imageMagic)+5] != 0 {
			return // a disk of a TiB: its empty table alone is large
		}
		image, err := ReadImage(bytes.NewReader(file))
		if err != nil {
			return
		}
		again, err := ReadImage(bytes.NewReader(written(t, image)))
		if err != nil {
			t.Fatal(err)
		}
		if again.Size() != image.Size() {
			t.Errorf("size %d became %d", image.Size(), again.Size())
		}
	})
}
