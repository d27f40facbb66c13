package around

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// Tree is an xfstests source tree. It is only read.
type Tree struct {
	Dir string // absolute
}

// OpenTree checks that there is an xfstests tree at dir.
func OpenTree(dir string) (Tree, error) {
	path, err := filepath.Abs(dir)
	if err != nil {
		return Tree{}, err
	}
	for _, name := range []string{"check", "common", "tests"} {
		if _, err := os.Stat(filepath.Join(path, name)); err != nil {
			return Tree{}, fmt.Errorf("open xfstests tree %s: it has no %s; name the top folder of an xfstests source tree", dir, name)
		}
	}
	return Tree{path}, nil
}

// files are the tree's sources, by path below Dir, sorted: in a git work tree what git does not ignore, elsewhere all files.
func (t Tree) files(ctx context.Context) ([]string, error) {
	var list []string
	out, err := exec.CommandContext(ctx, "git", "-C", t.Dir, "ls-files", "-z", "--cached", "--others", "--exclude-standard").Output()
	top := filepath.Join(t.Dir, ".git")
	if _, statErr := os.Stat(top); err == nil && statErr == nil {
		for name := range strings.SplitSeq(strings.TrimSuffix(string(out), "\x00"), "\x00") {
			if _, err := os.Lstat(filepath.Join(t.Dir, name)); err == nil { // git also lists what is deleted
				list = append(list, name)
			}
		}
	} else if list, err = t.walk(); err != nil {
		return nil, err
	}
	slices.Sort(list)
	return slices.Compact(list), nil
}

// walk lists all files but results, and the user's own configuration.
func (t Tree) walk() ([]string, error) {
	var list []string
	err := filepath.WalkDir(t.Dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(t.Dir, path)
		switch {
		case err != nil:
			return err
		case entry.IsDir() && (name == "results" || name == ".git"):
			return filepath.SkipDir
		case !entry.IsDir() && name != "local.config":
			list = append(list, name)
		}
		return nil
	})
	return list, err
}

// Key names the tree's content: it changes with any file's name, mode or text.
func (t Tree) Key(ctx context.Context) (string, error) {
	files, err := t.files(ctx)
	if err != nil {
		return "", fmt.Errorf("read xfstests tree: %w", err)
	}
	sum := sha256.New()
	for _, name := range files {
		if err := t.hash(sum, name); err != nil {
			return "", fmt.Errorf("read xfstests tree: %w", err)
		}
	}
	return hex.EncodeToString(sum.Sum(nil))[:20], nil
}

func (t Tree) hash(sum io.Writer, name string) error {
	path := filepath.Join(t.Dir, name)
	info, err := os.Lstat(path)
	if err != nil {
		return err
	}
	var text []byte
	if info.Mode()&fs.ModeSymlink != 0 {
		target, linkErr := os.Readlink(path)
		text, err = []byte(target), linkErr
	} else {
		text, err = os.ReadFile(path)
	}
	fmt.Fprintf(sum, "%s %v %d\n%s", name, info.Mode(), len(text), text)
	return err
}

// copyTo copies the tree's sources into a folder.
func (t Tree) copyTo(ctx context.Context, dir string) error {
	files, err := t.files(ctx)
	if err != nil {
		return err
	}
	for _, name := range files {
		if err := errors.Join(ctx.Err(), copyFile(filepath.Join(t.Dir, name), filepath.Join(dir, name))); err != nil {
			return fmt.Errorf("copy xfstests tree: %w", err)
		}
	}
	return nil
}

// copyFile copies a file or a symbolic link, with its folders.
func copyFile(from, to string) error {
	info, err := os.Lstat(from)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	if info.Mode()&fs.ModeSymlink != 0 {
		target, err := os.Readlink(from)
		if err != nil {
			return err
		}
		return os.Symlink(target, to)
	}
	text, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, text, info.Mode().Perm())
}
