package apt

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/iomapcheck/iomapcheck/vmimage/cache"
)

// Discard removes the files of debs, once they are unpacked and no longer worth their space. Files that are gone are no error.
func Discard(debs []Deb) error {
	for _, deb := range debs {
		if err := os.Remove(deb.Path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("discard package: %w", err)
		}
	}
	return nil
}

// Unpack extracts the package file at path into folder dir, which it creates. Nothing of the package is run or installed. A file
// that is not a whole package comes back as a *DamagedError, a full disk as a *cache.SpaceError.
func Unpack(ctx context.Context, path, dir string) error {
	if err := haveTools("dpkg-deb"); err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return cache.NoSpace(dir, fmt.Errorf("unpack package: %w", err))
	}
	_, stderr, err := command(ctx, "", "dpkg-deb", "--extract", path, dir)
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return fmt.Errorf("unpack package %s: %w", path, ctx.Err())
	}
	if full := cache.NoSpace(dir, errors.New(string(stderr))); full.Error() != string(stderr) {
		return full
	}
	if reason := damage(ctx, path); reason != nil {
		return &DamagedError{path, reason.Error()}
	}
	first, _, _ := strings.Cut(strings.TrimSpace(string(stderr)), "\n")
	return fmt.Errorf("unpack package %s into %s: %s", path, dir, first)
}

// damage reads the whole package without writing anything, and so tells a bad package from a bad place to put it.
func damage(ctx context.Context, path string) error {
	_, stderr, err := command(ctx, "", "sh", "-c", `exec dpkg-deb --fsys-tarfile "$0" >/dev/null`, path)
	if err == nil {
		return nil
	}
	return oneLine(stderr, err)
}
