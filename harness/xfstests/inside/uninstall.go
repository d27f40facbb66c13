package inside

import (
	"errors"
	"fmt"
	"os"
)

// Uninstall leaves the tree as it was before Install. was says whether there was anything to take away; that it is in another folder is an error.
func (t Tree) Uninstall() (was bool, err error) {
	in, err := t.readInstalled()
	if err == nil && in == nil {
		return false, t.alone()
	}
	if err != nil {
		return false, err
	}
	if err := t.untouched(in); err != nil {
		return false, err
	}
	text, err := os.ReadFile(t.path(groupNames))
	if err != nil {
		return false, fmt.Errorf("read the tree's groups: %w", err)
	}
	// The lines may be missing where an installation was cut short.
	names := string(text)
	if declaresAny(names, in.Groups) {
		if names, err = undeclare(names, in.Groups); err != nil {
			return false, err
		}
	}
	if err := put(t.path(groupNames), []byte(names), 0); err != nil {
		return false, err
	}
	return true, t.removeFolder(in)
}

// declaresAny says whether any of the groups of a piece of text is declared.
func declaresAny(names, piece string) bool {
	there := declared(names)
	for g := range declared(piece) {
		if there[g] {
			return true
		}
	}
	return false
}

// removeFolder removes what the list has, the list last, and the folder.
func (t Tree) removeFolder(in *installed) error {
	var failed error
	for name := range in.Files {
		failed = errors.Join(failed, remove(t.ours(name)))
	}
	failed = errors.Join(failed, remove(t.ours(groupListName)))
	if failed != nil {
		return fmt.Errorf("uninstall: %w", failed)
	}
	if err := errors.Join(remove(t.ours(installedName)), remove(t.ours())); err != nil {
		return fmt.Errorf("uninstall: %w", err)
	}
	return nil
}

// remove removes a file, or an empty folder; one that is gone is no error.
func remove(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}
