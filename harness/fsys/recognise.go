package fsys

import (
	"fmt"
	"slices"
	"strings"
)

// Recognise is the spec of a file system that somebody else has made and mounted: its type and options as /proc/self/mountinfo has them, and
// its block size in bytes. Of the variants it is the one of that block size with the most options of its own among them. What
// shows in neither (a feature of mkfs, an attribute of files) is not recognised, and a block size of no variant is the plain form's with
// that size.
func Recognise(kind, options string, block int64) (Spec, error) {
	for _, fs := range Table() {
		if fs.Type == kind {
			return Spec{FS: fs, Variant: fs.recognise(strings.Split(options, ","), block)}, nil
		}
	}
	return Spec{}, fmt.Errorf("recognise file system %q: there are %s", kind, names(Table()...))
}

func (fs FS) recognise(options []string, block int64) Variant {
	best, most := fs.Variants[0], -1
	best.BlockSize = block
	for _, v := range fs.Variants {
		if v.BlockSize != block || len(v.mkfs) > 0 && !v.shows() || v.Attr != "" || v.Device.Kind == Plain && v.Device != (Device{}) {
			continue
		}
		if n := v.among(options); n > most {
			best, most = v, n
		}
	}
	return best
}

// shows says whether mount options tell the variant.
func (v Variant) shows() bool { return len(v.options) > 0 }

// among is how many of the variant's own options are among those given, -1 unless all are.
func (v Variant) among(options []string) int {
	for _, own := range v.options {
		has := func(o string) bool { return o == own || strings.HasPrefix(o, own+"=") }
		if !slices.ContainsFunc(options, has) {
			return -1
		}
	}
	return len(v.options)
}

// PlainMkfs is the command that makes the file system by its own defaults, without the device: the arguments of a user go behind it. It asks
// no questions, discards nothing, and leaves nothing for a kernel thread to write later.
func (s Spec) PlainMkfs() []string {
	switch s.Name() {
	case "xfs":
		return []string{"mkfs.xfs", "-q", "-f", "-K"}
	case "ext4":
		return []string{"mkfs.ext4", "-q", "-F", "-E", "nodiscard,lazy_itable_init=0,lazy_journal_init=0"}
	case "btrfs":
		return []string{"mkfs.btrfs", "-q", "-f", "-K"}
	case "gfs2":
		return []string{"mkfs.gfs2", "-q", "-O", "-K", "-p", "lock_nolock", "-j", "1"}
	}
	return s.FS.mkfs[:1:1]
}
