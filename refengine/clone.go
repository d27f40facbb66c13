package refengine

import "github.com/iomapcheck/iomapcheck/refengine/sched"

// CloneRange makes n bytes of dst at dstOff share blocks with f's at off (ioctl_ficlonerange(2)); n of 0 is up to the end of f.
// EOPNOTSUPP where the filesystem does not share blocks, EINVAL for parts of blocks.
func (f *File) CloneRange(t *sched.Task, off int64, dst *File, dstOff, n int64) Errno {
	_, err := note(t, 0, f.m.fs.Clone(t, f.ino, off, dst.ino, dstOff, n))
	return err
}
