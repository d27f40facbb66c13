package cache

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// SpaceError says that a disk is full.
type SpaceError struct {
	Path string // what was being written, or the folder it is in
	Free uint64 // bytes left for us on that file system
}

// Error is one line; what was written is incomplete and has been, or is to be, removed.
func (e *SpaceError) Error() string {
	return fmt.Sprintf("disk full: write %s: %d KiB free on its file system; free some space or choose another cache folder",
		e.Path, e.Free>>10)
}

// Is makes errors.Is(err, unix.ENOSPC) hold.
func (e *SpaceError) Is(target error) bool { return target == unix.ENOSPC }

// NoSpace turns err into a *SpaceError about path if err says that the disk (or the quota) is full, be it as an errno or as the
// words of a tool that was run; otherwise it returns err, nil included.
func NoSpace(path string, err error) error {
	var already *SpaceError
	switch {
	case err == nil, errors.As(err, &already):
		return err
	case errors.Is(err, unix.ENOSPC), errors.Is(err, unix.EDQUOT), saysNoSpace(err.Error()):
		return &SpaceError{Path: path, Free: free(path)}
	}
	return err
}

func saysNoSpace(text string) bool {
	return strings.Contains(text, "No space left on device") || strings.Contains(text, "enough free space")
}

// Intervals and limits of WatchSpace.
const (
	lookEvery  = 250 * time.Millisecond
	tooLittle  = 256 << 10 // bytes: less than the next write of anything that fills a disk
	fullInARow = 4         // looks, so that a disk that is being cleaned up at the moment does not count
)

// WatchSpace calls full with a *SpaceError if the file system below path stays full, and returns; otherwise it returns when ctx
// ends. It is for tools that hang on a full disk instead of failing (apt-get update does, when a list cannot be unpacked).
func WatchSpace(ctx context.Context, path string, full func(error)) {
	look := time.NewTicker(lookEvery)
	defer look.Stop()
	for seen := 0; seen < fullInARow; {
		select {
		case <-ctx.Done():
			return
		case <-look.C:
		}
		seen++
		if free(path) >= tooLittle {
			seen = 0
		}
	}
	full(&SpaceError{Path: path, Free: free(path)})
}

// free asks the nearest folder above path that exists.
func free(path string) uint64 {
	for {
		var stat unix.Statfs_t
		if err := unix.Statfs(path, &stat); err == nil {
			return stat.Bavail * uint64(stat.Bsize)
		}
		parent := filepath.Dir(path)
		if parent == path {
			return 0
		}
		path = parent
	}
}
