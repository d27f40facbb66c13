package userland

import (
	"context"
	"errors"
	"os"
	"path/filepath"

	"github.com/iomapcheck/iomapcheck/vmimage/apt"
	"github.com/iomapcheck/iomapcheck/vmimage/cache"
)

// The shell of a guest that somebody works in: one static program that is the shell and its commands.
const (
	shellClass   = "userland-shell"
	shellPackage = "busybox-static"
	shellProgram = "busybox"
)

// Shell returns the files that a guest needs beyond Resolve's to be worked in: /bin/busybox. It is fetched like the tools, once.
func Shell(ctx context.Context, dir cache.Dir, archive Archive) ([]File, error) {
	return kept(ctx, dir, shellClass, cache.Key(layout, shellPackage), "guest shell", func(root string) error {
		return buildShell(ctx, archive, root)
	})
}

// buildShell fills root, laid out like the guest. The package is fetched alone: a static program needs no other.
func buildShell(ctx context.Context, archive Archive, root string) error {
	debs, err := archive.Plan(ctx, []string{shellPackage}, false)
	if err != nil {
		return err
	}
	if err := archive.Fetch(ctx, debs); err != nil {
		return err
	}
	tree := filepath.Join(root, "unpacked")
	if err := unpack(ctx, debs, tree); err != nil {
		return err
	}
	program, err := search(tree, shellProgram, programDirs())
	if err != nil {
		return err
	}
	if err := copyFile(tree, program, filepath.Join(root, "bin", shellProgram)); err != nil {
		return err
	}
	return errors.Join(os.RemoveAll(tree), apt.Discard(debs))
}
