// Package userland brings the tools that make file systems in a guest from distribution packages, with the libraries and the loader
// they are linked to and nothing else, whatever the host has installed; and whole userlands, for guests that run somebody else's tests
// (Whole). One set of tools serves every kernel and file system: 32 MB more in an initramfs add less than a tenth of a second to a boot
// under emulation, so that choosing by file system is not worth its while.
package userland

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

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
	Names(ctx context.Context, expression string) ([]string, error)
	Plan(ctx context.Context, packages []string, withDeps bool) ([]apt.Deb, error)
	Fetch(ctx context.Context, debs []apt.Deb) error
}

// tool is a program and the package it is in. guest is where it goes; other is what it opens at run time besides libraries. An optional
// one is left out where its package cannot be had.
type tool struct {
	pkg, name, guest string
	other            []string
	optional         bool
}

// tools returns the tools of a guest. Debian ships mkfs.ext4 as a link to mke2fs, which looks at its own name; mke2fs.conf gives it
// ext4's features, without it mkfs.ext4 makes an ext2. What is optional is not in every distribution: bcachefs-tools is in and out.
func tools() []tool {
	return []tool{
		{pkg: "xfsprogs", name: "mkfs.xfs", guest: "/sbin/mkfs.xfs"},
		{pkg: "e2fsprogs", name: "mke2fs", guest: "/sbin/mkfs.ext4", other: []string{"/etc/mke2fs.conf"}},
		{pkg: "btrfs-progs", name: "mkfs.btrfs", guest: "/sbin/mkfs.btrfs"},
		{pkg: "gfs2-utils", name: "mkfs.gfs2", guest: "/sbin/mkfs.gfs2"},
		{pkg: "zonefs-tools", name: "mkzonefs", guest: "/sbin/mkzonefs", optional: true},
		{pkg: "bcachefs-tools", name: "bcachefs", guest: "/sbin/bcachefs", optional: true},
		{pkg: "f2fs-tools", name: "mkfs.f2fs", guest: "/sbin/mkfs.f2fs", optional: true},
	}
}

// layout changes when the form of what is kept in the cache does.
const layout = "2"

// Resolve returns the files of the guest's userland, from the cache if it has them. The first time it fetches the packages with all
// they depend on, takes the few files that are needed and drops the rest.
func Resolve(ctx context.Context, dir cache.Dir, archive Archive) ([]File, error) {
	return kept(ctx, dir, class, key(), "guest tools", func(root string) error { return build(ctx, archive, root) })
}

// kept are the files of a cache entry, which is built the first time.
func kept(ctx context.Context, dir cache.Dir, class, key, what string, build func(root string) error) ([]File, error) {
	root, err := dir.Publish(ctx, class, key, build)
	if err != nil {
		return nil, fmt.Errorf("get %s: %w", what, err)
	}
	files, err := list(root)
	if err != nil {
		return nil, fmt.Errorf("list %s: %w", what, err)
	}
	return files, nil
}

// build fills root, laid out like the guest.
func build(ctx context.Context, archive Archive, root string) error {
	chosen, debs, err := plan(ctx, archive)
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
	if err := pick(chosen, tree, root); err != nil {
		return err
	}
	return errors.Join(os.RemoveAll(tree), apt.Discard(debs))
}

// plan returns the tools that can be had and the packages to fetch for them. If what is optional cannot be had together with the rest,
// as when it wants a newer libc, all of it is left out.
func plan(ctx context.Context, archive Archive) ([]tool, []apt.Deb, error) {
	chosen, err := offered(ctx, archive)
	if err != nil {
		return nil, nil, err
	}
	debs, err := archive.Plan(ctx, packageNames(chosen), true)
	if err == nil || ctx.Err() != nil {
		return chosen, debs, err
	}
	chosen = slices.DeleteFunc(chosen, func(t tool) bool { return t.optional })
	debs, err = archive.Plan(ctx, packageNames(chosen), true)
	return chosen, debs, err
}

// offered are the tools without those optional ones whose package does not exist.
func offered(ctx context.Context, archive Archive) ([]tool, error) {
	names, err := archive.Names(ctx, "^("+strings.Join(packageNames(tools()), "|")+")$")
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(tools(), func(t tool) bool { return t.optional && !slices.Contains(names, t.pkg) }), nil
}

func packageNames(chosen []tool) []string {
	var names []string
	for _, t := range chosen {
		names = append(names, t.pkg)
	}
	return names
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
func pick(chosen []tool, tree, root string) error {
	for _, tool := range chosen {
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
