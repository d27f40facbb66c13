package inside

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// Tree is an xfstests tree, and the folder of tests/ that is ours in it.
type Tree struct{ root, folder string }

// Folder is what is added to a tree's tests where nobody says otherwise.
const Folder = "iomap"

// folderName is what a folder may be called: check takes it for a part of tests' names.
var folderName = regexp.MustCompile(`^[a-z][a-z0-9-]*$`)

// groupNames is where a tree wants its groups declared.
const groupNames = "doc/group-names.txt"

// OpenTree looks whether root is an xfstests tree of the kind that is understood: one whose tests begin with _begin_fstest (2021 and later). What is
// ours, or will be, is tests/folder.
func OpenTree(root, folder string) (Tree, error) {
	if !folderName.MatchString(folder) {
		return Tree{}, fmt.Errorf("folder %q: want a name of small letters, digits and dashes", folder)
	}
	absolute, err := filepath.Abs(root)
	if err != nil {
		return Tree{}, fmt.Errorf("find xfstests tree: %w", err)
	}
	for _, f := range []struct{ path, has string }{
		{"check", ""}, {"common/preamble", "_begin_fstest"}, {"common/rc", ""}, {groupNames, "auto"}, {"tools/mkgroupfile", "_begin_fstest"},
		{"include/buildgrouplist", ""}, {"tests", ""},
	} {
		if err := looks(filepath.Join(absolute, f.path), f.has); err != nil {
			return Tree{}, fmt.Errorf("find xfstests tree in %s: %s: %w", root, f.path, err)
		}
	}
	return Tree{absolute, folder}, nil
}

// looks says what is wrong with a file that is to be there and have a word in it, "" for any.
func looks(path, has string) error {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return errors.New("not there")
	case err != nil:
		return err
	case info.IsDir() || has == "":
		return nil
	}
	text, err := os.ReadFile(path)
	if err == nil && !strings.Contains(string(text), has) {
		return fmt.Errorf("says nothing of %s: the tree is older, or newer, than what is known of xfstests", has)
	}
	return err
}

// ours is a path below the folder that is ours.
func (t Tree) ours(elem ...string) string {
	return t.path(append([]string{"tests", t.folder}, elem...)...)
}

func (t Tree) path(elem ...string) string { return filepath.Join(append([]string{t.root}, elem...)...) }
