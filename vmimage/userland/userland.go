// Package userland brings the file-system tools a guest needs (mkfs.xfs, mkfs.ext4, mkfs.btrfs, mkfs.gfs2) from distribution
// packages, with the libraries they are linked to and nothing else, whatever the host has installed.
package userland

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/iomapcheck/iomapcheck/vmimage/apt"
	"github.com/iomapcheck/iomapcheck/vmimage/cache"
)

// File is one file of the guest.
type File struct {
	Guest string      // absolute path in the guest
	Host  string      // where its content is
	Mode  fs.FileMode // permissions
}

// Archive is where packages come from. *apt.Archive implements it.
type Archive interface {
	Plan(ctx context.Context, packages []string, withDeps bool) ([]apt.Deb, error)
	Fetch(ctx context.Context, debs []apt.Deb) error
}

// tool is a program and the package it is in. guest is where it goes; other is what it opens at run time besides libraries.
type tool struct {
	pkg, name, guest string
	other            []string
}

// tools returns the tools of a guest. Debian ships mkfs.ext4 as a link to mke2fs, which looks at its own name; mke2fs.conf gives it
// ext4's features, without it mkfs.ext4 makes an ext2.
func tools() []tool {
	return []tool{
		{pkg: "xfsprogs", name: "mkfs.xfs", guest: "/sbin/mkfs.xfs"},
		{pkg: "e2fsprogs", name: "mke2fs", guest: "/sbin/mkfs.ext4", other: []string{"/etc/mke2fs.conf"}},
		{pkg: "btrfs-progs", name: "mkfs.btrfs", guest: "/sbin/mkfs.btrfs"},
		{pkg: "gfs2-utils", name: "mkfs.gfs2", guest: "/sbin/mkfs.gfs2"},
	}
}

// layout changes when the form of what is kept in the cache does.
const layout = "1"

// Resolve returns the files of the guest's userland, from the cache if it has them. The first time it fetches the packages with all
// they depend on, takes the few files that are needed and drops the rest.
func Resolve(ctx context.Context, dir cache.Dir, archive Archive) ([]File, error) {
	root, err := dir.Publish(ctx, class, key(), func(root string) error {
		return build(ctx, archive, root)
	})
	if err != nil {
		return nil, fmt.Errorf("get guest tools: %w", err)
	}
	files, err := list(root)
	if err != nil {
		return nil, fmt.Errorf("list guest tools: %w", err)
	}
	return files, nil
}

// build fills root, laid out like the guest.
func build(ctx context.Context, archive Archive, root string) error {
	var packages []string
	for _, tool := range tools() {
		packages = append(packages, tool.pkg)
	}
	debs, err := archive.Plan(ctx, packages, true)
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
	if err := pick(tree, root); err != nil {
		return err
	}
	return errors.Join(os.RemoveAll(tree), apt.Discard(debs))
}

// unpack lays all packages over each other. A damaged one is removed, so that the next run fetches it again.
func unpack(ctx context.Context, debs []apt.Deb, tree string) error {
	for _, deb := range debs {
		if err := apt.Unpack(ctx, deb.Path, tree); err != nil {
			var damaged *apt.DamagedError
			if errors.As(err, &damaged) {
				return errors.Join(err, apt.Discard([]apt.Deb{deb}))
			}
			return err
		}
	}
	return nil
}

// pick copies the tools, what they open, and their libraries from tree to root.
func pick(tree, root string) error {
	for _, tool := range tools() {
		program, err := search(tree, tool.name, programDirs())
		if err != nil {
			return err
		}
		files := map[string]string{program: tool.guest}
		libraries, err := libraries(tree, program)
		if err != nil {
			return fmt.Errorf("find libraries of %s: %w", tool.name, err)
		}
		for _, path := range append(libraries, tool.other...) {
			files[path] = path
		}
		for from, to := range files {
			if err := copyFile(tree, from, filepath.Join(root, to)); err != nil {
				return err
			}
		}
	}
	return nil
}

func copyFile(tree, from, to string) error {
	path, err := follow(tree, from)
	if err != nil {
		return err
	}
	info, err := os.Stat(path)
	if err != nil {
		return fmt.Errorf("copy guest file: %w", err)
	}
	content, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("copy guest file: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return fmt.Errorf("copy guest file: %w", err)
	}
	return os.WriteFile(to, content, info.Mode().Perm())
}

// list returns the files below root in lexical order.
func list(root string) ([]File, error) {
	var files []File
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		files = append(files, File{Guest: path[len(root):], Host: path, Mode: info.Mode().Perm()})
		return nil
	})
	return files, err
}
