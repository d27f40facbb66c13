package vm

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"sync"

	"github.com/iomapcheck/iomapcheck/harness/disk"
	"github.com/iomapcheck/iomapcheck/vmimage/qemu"
)

// files are the disks of Config.Files: parts of the programmable disk's export, at its beginning, as its end is where fences are read. So what a machine
// writes to them belongs to a snapshot like everything else that it has written, and a power cut does not know them.
type files struct {
	parts []qemu.Part
	// end is where the file system's own parts begin, in bytes.
	end int64
	// image is a disk that nobody has written to; nil where there are no files.
	image *disk.Image
	// sum tells files' contents apart. A snapshot has what differs from them, and is ruined over any others, also of the same name: a disk made anew
	// of the same packages has other IDs and times.
	sum func() (string, error)
}

// openFiles lays the files out, on a disk with room for further bytes.
func openFiles(paths []string, further int64) (files, error) {
	if len(paths) == 0 {
		return files{sum: func() (string, error) { return "", nil }}, nil
	}
	var f files
	var places []disk.File
	for _, path := range paths {
		file, err := os.Open(path)
		if err != nil {
			return f, fmt.Errorf("open a machine's further disks: %w", err)
		}
		defer file.Close() // the image has it mapped by then
		info, err := file.Stat()
		if err != nil {
			return f, fmt.Errorf("open a machine's further disks: %w", err)
		}
		f.parts = append(f.parts, qemu.Part{Off: f.end, Size: info.Size()})
		places = append(places, disk.File{File: file, Off: f.end})
		f.end += (info.Size() + disk.ChunkSize - 1) / disk.ChunkSize * disk.ChunkSize
	}
	image, err := disk.OpenImage(f.end+further, places...)
	f.image = image
	f.sum = sync.OnceValues(func() (string, error) { return sumOf(io.NewSectionReader(image, 0, f.end)) })
	return f, err
}

// sumOf is the SHA-256 of what can be read.
func sumOf(r io.Reader) (string, error) {
	hash := sha256.New()
	if _, err := io.Copy(hash, r); err != nil {
		return "", fmt.Errorf("name snapshot: %w", err)
	}
	return hex.EncodeToString(hash.Sum(nil)), nil
}

// diskSize is the size of a machine's programmable disk in bytes, with all of its parts.
func (t *Target) diskSize() int64 { return t.files.end + t.config.DiskSize }

// newDisk is a machine's disk as nobody has written to it.
func (t *Target) newDisk() (*disk.Disk, error) {
	d := disk.New(t.diskSize())
	if t.files.image == nil {
		return d, nil
	}
	return d, d.Restore(t.files.image)
}

// writeImage writes what machines have made of the disk.
func (t *Target) writeImage(w io.Writer, image *disk.Image) (err error) {
	if t.files.image == nil {
		_, err = image.WriteTo(w)
	} else {
		_, err = image.WriteOver(w, t.files.image)
	}
	return err
}

// readImage reads what writeImage wrote; blank is the disk that nobody has written to, nil where there are no files.
func readImage(r io.Reader, blank *disk.Image) (*disk.Image, error) {
	if blank == nil {
		return disk.ReadImage(r)
	}
	return disk.ReadImageOver(r, blank)
}
