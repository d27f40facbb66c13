package exec

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/iomapcheck/iomapcheck/harness/prog"
)

// UnsupportedError says that this kernel or file system cannot do what the program needs, as was found out by trying.
type UnsupportedError struct{ Why string }

func (e *UnsupportedError) Error() string { return "unsupported: " + e.Why }

// Flags of FS_IOC_SETFLAGS that golang.org/x/sys has no names for (linux/fs.h).
const (
	fsCompr       = 0x4
	fsJournalData = 0x4000
	fsNoCow       = 0x800000
)

// setAttr gives an open file an attribute.
func setAttr(fd int, a prog.Attr) error {
	if a == prog.AttrRealtime {
		return setRealtime(fd)
	}
	flag := map[prog.Attr]int{prog.AttrJournal: fsJournalData, prog.AttrNoDatasum: fsNoCow, prog.AttrCompress: fsCompr}[a]
	old, err := unix.IoctlGetInt(fd, unix.FS_IOC_GETFLAGS)
	if err != nil {
		return err
	}
	return unix.IoctlSetPointerInt(fd, unix.FS_IOC_SETFLAGS, old&0xffffffff|flag)
}

// refused says whether an errno means that the kernel or the file system cannot do such a thing at all.
func refused(err error) bool {
	return errors.Is(err, unix.EOPNOTSUPP) || errors.Is(err, unix.ENOTTY) || errors.Is(err, unix.ENOSYS) || errors.Is(err, unix.EINVAL)
}

// attribute gives a file that was just made the attribute that every file of the run has.
func (c *conductor) attribute(name string, fd int) error {
	if c.env.Attr == "" {
		return nil
	}
	err := setAttr(fd, c.env.Attr)
	switch {
	case err != nil && refused(err):
		return &UnsupportedError{fmt.Sprintf("the file system refuses the attribute %s: %v", c.env.Attr, err)}
	case err != nil:
		return fmt.Errorf("give %s the attribute %s: %w", name, c.env.Attr, err)
	}
	return nil
}

// attr gives the file the attribute, and opens the task's descriptors of it anew: O_DIRECT is granted or refused at open.
func (t *task) attr(op prog.Op, fd int) outcome {
	if err := setAttr(fd, op.Attr); err != nil {
		return result(0, err)
	}
	t.files.reopen(op.File)
	return outcome{}
}

// clone makes a file share another's extents.
func (t *task) clone(op prog.Op, fd int) outcome {
	to, errno := t.files.fd(prog.Op{Verb: op.Verb, File: op.To})
	if errno != 0 {
		return outcome{errno: errnoName(errno)}
	}
	return result(0, unix.IoctlFileClone(to, fd))
}
