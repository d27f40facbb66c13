package around

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/iomapcheck/iomapcheck/harness/xfstests/around/inguest"
	"github.com/iomapcheck/iomapcheck/vmimage/cache"
	"github.com/iomapcheck/iomapcheck/vmimage/userland"
)

const (
	userlandClass = "xfstests-userland"
	treeClass     = "xfstests-tree"
	// buildLimit bounds the building of a tree, which takes a busy machine some minutes.
	buildLimit = 30 * time.Minute
	// userlandSlack and treeSlack are what a machine may write to each disk, in bytes. Results stand on the tree's.
	userlandSlack, treeSlack = 512 << 20, 512 << 20
	// keepTrees and keepUserlands are how many of these disks are kept, and idleDisk after how long others are removed.
	keepTrees, keepUserlands, idleDisk = 4, 2, 24 * time.Hour
)

// Images are the two disks that every machine has beside TEST and SCRATCH.
type Images struct{ Userland, Tree string }

// Builder makes disks of trees.
type Builder struct {
	Cache   cache.Dir
	Archive userland.Archive
	// Packages are what the userland is made of; nil for what xfstests needs.
	Packages []string
	// Report is told what takes time; may be nil.
	Report func(line string)
}

func (b Builder) report(format string, args ...any) {
	if b.Report != nil {
		b.Report(fmt.Sprintf(format, args...))
	}
}

// Build returns the disks for a tree, from the cache as far as it has them. The first time it fetches the userland's packages, some 150 MiB, and
// builds the tree.
func (b Builder) Build(ctx context.Context, tree Tree) (Images, error) {
	wanted := b.Packages
	if wanted == nil {
		wanted = packages()
	}
	root, err := userland.Whole(ctx, b.Cache, b.Archive, wanted, users())
	if err != nil {
		return Images{}, err
	}
	var images Images
	images.Userland, err = b.Cache.Publish(ctx, userlandClass, filepath.Base(root)+".ext4", func(path string) error {
		b.report("making the guest's userland disk")
		return userland.MakeImage(ctx, root, root, path, userlandSlack)
	})
	if err != nil {
		return Images{}, fmt.Errorf("make userland disk: %w", err)
	}
	cache.Touch(images.Userland) // before the tree is built, which takes as long as others need to find it idle
	key, err := tree.Key(ctx)
	if err != nil {
		return Images{}, err
	}
	key = cache.Key(filepath.Base(root), key, buildLine) + ".ext4"
	images.Tree, err = b.Cache.Publish(ctx, treeClass, key, func(path string) error { return b.buildTree(ctx, tree, root, path) })
	if err != nil {
		return Images{}, fmt.Errorf("build xfstests tree %s: %w", tree.Dir, err)
	}
	cache.Touch(images.Tree)
	return images, errors.Join(b.Cache.Prune(ctx, userlandClass, keepUserlands, idleDisk), b.Cache.Prune(ctx, treeClass, keepTrees, idleDisk))
}

// buildLine builds a tree in its folder. A tree that was built elsewhere before is built anew: its programs need not run here. A tree without a
// Makefile has nothing to build. It is part of the disk's key, and the same on every machine.
const buildLine = `test ! -e Makefile || { test ! -e include/builddefs || make clean >/dev/null 2>&1 || true; make -j"$(nproc)"; }`

// buildTree builds a copy of the tree beside path, and makes the disk of it.
func (b Builder) buildTree(ctx context.Context, tree Tree, root, path string) error {
	ctx, cancel := context.WithTimeout(ctx, buildLimit)
	defer cancel()
	dir := path + ".build"
	defer os.RemoveAll(dir)
	if err := tree.copyTo(ctx, dir); err != nil {
		return err
	}
	b.report("building %s in the guest's userland", tree.Dir)
	var said bytes.Buffer
	if err := (userland.Inside{Root: root, Folder: dir, At: inguest.TreeDir, Line: buildLine, Output: &said}).Run(ctx); err != nil {
		return fmt.Errorf("%w: %s", err, lastLines(said.String(), 3))
	}
	return userland.MakeImage(ctx, root, dir, path, treeSlack)
}

// lastLines is the end of what a tool said, on one line.
func lastLines(text string, n int) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "; ")
}
