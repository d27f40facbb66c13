package host

import (
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// options reads mount options as mount(8) takes them, as words of which some are -o, and gives them as mount(2) does.
func options(words []string) (data string, flags uintptr) {
	var rest []string
	for _, word := range words {
		word = strings.TrimPrefix(word, "-o")
		for o := range strings.SplitSeq(word, ",") {
			if f, known := flag(o); known {
				flags |= f
			} else if o != "" && !slices.Contains(rest, o) {
				rest = append(rest, o)
			}
		}
	}
	return strings.Join(rest, ","), flags
}

// flag is the option that is no file system's own.
func flag(option string) (uintptr, bool) {
	switch option {
	case "rw", "defaults", "relatime":
		return 0, true
	case "noatime":
		return unix.MS_NOATIME, true
	case "nodiratime":
		return unix.MS_NODIRATIME, true
	case "strictatime":
		return unix.MS_STRICTATIME, true
	case "nosuid":
		return unix.MS_NOSUID, true
	case "nodev":
		return unix.MS_NODEV, true
	case "noexec":
		return unix.MS_NOEXEC, true
	case "sync":
		return unix.MS_SYNCHRONOUS, true
	case "dirsync":
		return unix.MS_DIRSYNC, true
	case "lazytime":
		return unix.MS_LAZYTIME, true
	}
	return 0, false
}
