package inside

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Tree is an xfstests tree.
type Tree struct{ root string }

// folder is what is added to a tree.
const folder = "tests/iomap"

// groupNames is where a tree wants its groups declared.
const groupNames = "doc/group-names.txt"

// OpenTree looks whether the folder is an xfstests tree of the kind that is understood: one whose tests begin with _begin_fstest (2021 and
// later).
func OpenTree(root string) (Tree, error) {
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
	return Tree{absolute}, nil
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

func (t Tree) path(elem ...string) string { return filepath.Join(append([]string{t.root}, elem...)...) }
