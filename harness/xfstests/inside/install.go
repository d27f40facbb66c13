package inside

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/iomapcheck/iomapcheck/harness/prog"
)

// Install makes the catalogue's cases tests of the tree, with that binary to run them; an older installation is replaced. Doing it again
// changes nothing. It says how many tests there are. After an error the tree may have some of the files; Uninstall takes them away.
func (t Tree) Install(catalogue []prog.Case, binary []byte) (tests int, err error) {
	all, err := number(catalogue)
	if err != nil {
		return 0, err
	}
	if err := t.alone(); err != nil {
		return 0, err
	}
	before, err := t.readInstalled()
	if err != nil {
		return 0, err
	}
	if before != nil {
		if err := t.untouched(before); err != nil {
			return 0, err
		}
	}
	in, names, err := t.plan(all, before)
	if err != nil {
		return 0, err
	}
	files := filesOf(t.folder, all, binary)
	for _, f := range files {
		in.Files[f.name] = sum(f.data)
	}
	if before != nil && !bytes.Equal(before.text(), in.text()) {
		if err := t.removeFolder(before); err != nil {
			return 0, err
		}
	}
	return len(all), t.write(in, files, names)
}

// plan is the list of what will be installed, its files left out, and the text of doc/group-names.txt.
func (t Tree) plan(all []numbered, before *installed) (*installed, string, error) {
	text, err := os.ReadFile(t.path(groupNames))
	if err != nil {
		return nil, "", fmt.Errorf("read the tree's groups: %w", err)
	}
	names := string(text)
	if before != nil {
		if names, err = undeclare(names, before.Groups); err != nil {
			return nil, "", err
		}
	}
	in := &installed{By: us, Files: map[string]string{}}
	names, in.Groups, err = declare(names, groups(all))
	return in, names, err
}

// write writes everything that is not there as it should be: the list first, so that what is cut short can be taken away.
func (t Tree) write(in *installed, files []file, names string) error {
	if err := os.MkdirAll(t.ours(), 0o755); err != nil {
		return fmt.Errorf("install: %w", err)
	}
	if err := put(t.ours(installedName), in.text(), 0o644); err != nil {
		return err
	}
	for _, f := range files {
		mode := os.FileMode(0o644)
		if f.executable {
			mode = 0o755
		}
		if err := put(t.ours(f.name), f.data, mode); err != nil {
			return err
		}
	}
	return put(t.path(groupNames), []byte(names), 0)
}

// put writes a file in one step, unless it has these bytes already. Mode 0 keeps the mode that it has.
func put(path string, data []byte, mode os.FileMode) error {
	old, err := os.ReadFile(path)
	if err == nil && bytes.Equal(old, data) {
		return nil
	}
	if mode == 0 {
		info, err := os.Stat(path)
		if err != nil {
			return fmt.Errorf("install: %w", err)
		}
		mode = info.Mode().Perm()
	}
	tmp, err := os.CreateTemp(filepath.Dir(path), ".iomapcheck-*")
	if err != nil {
		return fmt.Errorf("install: %w", err)
	}
	_, err = tmp.Write(data)
	err = errors.Join(err, tmp.Chmod(mode), tmp.Close())
	if err == nil {
		err = os.Rename(tmp.Name(), path)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("install: %w", err), os.Remove(tmp.Name()))
	}
	return nil
}
