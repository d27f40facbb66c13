package initramfs

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
)

// File types in a cpio mode word, as in <sys/stat.h>.
const (
	typeDir  = 0o040000
	typeChar = 0o020000
	typeFile = 0o100000
)

// entry is one file, folder or character device of the archive. Everything belongs to root and dates from 1970, so that equal
// contents make equal archives.
type entry struct {
	path         string      // absolute in the guest
	mode         fs.FileMode // permissions; fs.ModeDir or fs.ModeCharDevice for what is no file
	host         string      // a file's content is read from here,
	text         string      // or is this if host is empty
	major, minor uint32      // of a device
}

// trailer is the name that ends an archive.
const trailer = "TRAILER!!!"

// writeArchive writes entries in the "newc" format (Documentation/driver-api/early-userspace/buffer-format.rst). The cpio package we
// could have used cannot write device numbers. Folders must come before what is in them.
func writeArchive(w io.Writer, entries []entry) error {
	archive := &archiveWriter{w: w}
	for i, entry := range entries {
		if err := archive.add(i+1, entry); err != nil {
			return fmt.Errorf("pack %s: %w", entry.path, err)
		}
	}
	return archive.header(0, trailer, 0, 0, 0, 0)
}

// archiveWriter counts what it wrote, for padding: names and contents begin at multiples of 4.
type archiveWriter struct {
	w       io.Writer
	written int64
}

// Write implements io.Writer.
func (a *archiveWriter) Write(p []byte) (int, error) {
	n, err := a.w.Write(p)
	a.written += int64(n)
	return n, err
}

func (a *archiveWriter) add(inode int, entry entry) error {
	name := strings.TrimPrefix(entry.path, "/")
	permissions := uint32(entry.mode.Perm())
	switch {
	case entry.mode.IsDir():
		return a.header(inode, name, typeDir|permissions, 0, 0, 0)
	case entry.mode&fs.ModeCharDevice != 0:
		return a.header(inode, name, typeChar|permissions, 0, entry.major, entry.minor)
	}
	content, size, err := entry.open()
	if err != nil {
		return err
	}
	defer content.Close()
	if err := a.header(inode, name, typeFile|permissions, size, 0, 0); err != nil {
		return err
	}
	if copied, err := io.Copy(a, content); err != nil || copied != size {
		return fmt.Errorf("copied %d of %d bytes: %w", copied, size, shortCopy(err))
	}
	return a.pad()
}

// shortCopy names what it means when a copy is short without an error.
func shortCopy(err error) error {
	if err == nil {
		return errors.New("the file changed meanwhile")
	}
	return err
}

// open returns a file's content and its size in bytes.
func (e entry) open() (io.ReadCloser, int64, error) {
	if e.host == "" {
		return io.NopCloser(strings.NewReader(e.text)), int64(len(e.text)), nil
	}
	file, err := os.Open(e.host)
	if err != nil {
		return nil, 0, err
	}
	info, err := file.Stat()
	if err != nil {
		file.Close()
		return nil, 0, err
	}
	return file, info.Size(), nil
}

// header writes magic and the 13 fields: inode, mode, uid, gid, links, mtime, size, device (2), rdevice (2), name size, check sum.
func (a *archiveWriter) header(inode int, name string, mode uint32, size int64, major, minor uint32) error {
	if size > 1<<32-1 {
		return fmt.Errorf("%d bytes are too many for a newc archive", size)
	}
	_, err := fmt.Fprintf(a, "070701%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%s\x00",
		inode, mode, 0, 0, 1, 0, size, 0, 0, major, minor, len(name)+1, 0, name)
	if err != nil {
		return err
	}
	return a.pad()
}

func (a *archiveWriter) pad() error {
	_, err := a.Write(make([]byte, -a.written&3))
	return err
}
