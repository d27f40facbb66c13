package disk

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// backed is an image over two files, the second of which ends within a chunk, and its bytes.
func backed(t *testing.T) (*Image, []byte) {
	t.Helper()
	dir := t.TempDir()
	want := make([]byte, leafSize+9*chunkSize)
	var files []File
	for name, f := range map[string]struct{ off, size int }{"a": {0, 2 * chunkSize}, "b": {leafSize - chunkSize, 3*chunkSize + 100}} {
		text := bytes.Repeat([]byte(name), f.size)
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, text, 0o444); err != nil {
			t.Fatal(err)
		}
		copy(want[f.off:], text)
		files = append(files, File{opened(t, path), int64(f.off)})
	}
	image, err := OpenImage(int64(len(want)), files...)
	if err != nil {
		t.Fatal(err)
	}
	return image, want
}

// opened is a file that is closed at the test's end.
func opened(t *testing.T, path string) *os.File {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { file.Close() })
	return file
}

func content(t *testing.T, i *Image) []byte {
	t.Helper()
	p := make([]byte, i.Size())
	if _, err := i.ReadAt(p, 0); err != nil {
		t.Fatal(err)
	}
	return p
}

func TestADiskOverFilesKeepsWhatItWritesToItself(t *testing.T) {
	image, want := backed(t)
	if !bytes.Equal(content(t, image), want) {
		t.Fatal("the image has not the files' bytes where they stand")
	}
	d := New(image.Size())
	defer d.Close()
	if err := d.Restore(image); err != nil {
		t.Fatal(err)
	}
	if _, err := d.WriteAt([]byte("changed"), 10); err != nil {
		t.Fatal(err)
	}
	d.now.zeroAt(Range{leafSize, leafSize + 5})
	d.now.zeroAt(Range{chunkSize, 2 * chunkSize})
	if !bytes.Equal(content(t, image), want) {
		t.Error("what a disk wrote is in the image")
	}
	copy(want[10:], "changed")
	clear(want[leafSize : leafSize+5])
	clear(want[chunkSize : 2*chunkSize])
	if !bytes.Equal(content(t, d.Snapshot()), want) {
		t.Error("the disk has not what was written to it")
	}
}

func TestTheFileFormOverFilesHasTheChangesAlone(t *testing.T) {
	image, want := backed(t)
	d := New(image.Size())
	defer d.Close()
	if err := d.Restore(image); err != nil {
		t.Fatal(err)
	}
	if _, err := d.WriteAt([]byte("changed"), leafSize); err != nil {
		t.Fatal(err)
	}
	d.now.zeroAt(Range{chunkSize, 2 * chunkSize}) // a hole, where the file has bytes
	copy(want[leafSize:], "changed")
	clear(want[chunkSize : 2*chunkSize])
	var file bytes.Buffer
	if _, err := d.Snapshot().WriteOver(&file, image); err != nil {
		t.Fatal(err)
	}
	if file.Len() > 3*chunkSize {
		t.Errorf("two chunks were changed, and %d bytes written", file.Len())
	}
	read, err := ReadImageOver(bytes.NewReader(file.Bytes()), image)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(content(t, read), want) {
		t.Error("the image that was read differs from the one written")
	}
	if _, err := ReadImageOver(bytes.NewReader(file.Bytes()), New(5).Snapshot()); err == nil {
		t.Error("it was read over an image of another size")
	}
}

func TestFilesThatDoNotFitOnADiskAreRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(path, make([]byte, 2*chunkSize), 0o444); err != nil {
		t.Fatal(err)
	}
	file := opened(t, path)
	for want, files := range map[string][]File{
		"no multiple":  {{file, 512}},
		"do not fit":   {{file, 3 * chunkSize}},
		"another file": {{file, 0}, {file, chunkSize}},
	} {
		if _, err := OpenImage(4*chunkSize, files...); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q, got %v", want, err)
		}
	}
}
