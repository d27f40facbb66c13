package inside

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
)

// installedName is the file that lists what was installed.
const installedName = "installed"

// installed is that list.
type installed struct {
	// By says who made it.
	By string `json:"by"`
	// Groups is the text that was put into doc/group-names.txt, "" for nothing.
	Groups string `json:"groups"`
	// Files are the SHA-256 of the folder's files, by name.
	Files map[string]string `json:"files"`
}

const us = "iomapcheck xfstests install"

func sum(data []byte) string {
	s := sha256.Sum256(data)
	return hex.EncodeToString(s[:])
}

// readInstalled reads the list of a tree; nil for a tree without our folder. A folder that somebody else made is an error.
func (t Tree) readInstalled() (*installed, error) {
	if _, err := os.Lstat(t.ours()); errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	text, err := os.ReadFile(t.ours(installedName))
	if errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("%s is there, but iomapcheck did not make it (it has no file %q); move it away", t.ours(), installedName)
	}
	if err != nil {
		return nil, fmt.Errorf("read what is installed: %w", err)
	}
	var in installed
	if err := json.Unmarshal(text, &in); err != nil || in.By != us {
		return nil, fmt.Errorf("read what is installed: %s is not what iomapcheck writes", t.ours(installedName))
	}
	return &in, nil
}

// alone refuses a tree that has another folder of ours: both would declare the same groups, and one take them away from the other.
func (t Tree) alone() error {
	folders, err := os.ReadDir(t.path("tests"))
	if err != nil {
		return fmt.Errorf("read what is installed: %w", err)
	}
	for _, f := range folders {
		other := Tree{t.root, f.Name()}
		if _, err := os.Stat(other.ours(installedName)); other.folder == t.folder || err != nil {
			continue // none of ours
		}
		in, err := other.readInstalled()
		if err == nil && in != nil {
			err = fmt.Errorf("the cases are in %s already; uninstall them with --folder %s first", other.ours(), other.folder)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// text is the list as it is written.
func (in *installed) text() []byte {
	b, _ := json.MarshalIndent(in, "", "  ") // a map of strings can always be encoded
	return append(b, '\n')
}

// untouched looks whether the folder is as it was installed: an error names what is not. group.list is made anew by make, and removed by make
// clean.
func (t Tree) untouched(in *installed) error {
	entries, err := os.ReadDir(t.ours())
	if err != nil {
		return fmt.Errorf("look at what is installed: %w", err)
	}
	for _, e := range entries {
		name := e.Name()
		want, ours := in.Files[name]
		switch {
		case name == installedName || name == groupListName:
		case !ours:
			return fmt.Errorf("%s was not made by iomapcheck; move it away", t.ours(name))
		default:
			data, err := os.ReadFile(t.ours(name))
			if err != nil {
				return fmt.Errorf("look at what is installed: %w", err)
			}
			if sum(data) != want {
				return fmt.Errorf("%s was changed since iomapcheck made it; keep a copy elsewhere if you need it, and remove it", t.ours(name))
			}
		}
	}
	return nil
}

const groupListName = "group.list"
