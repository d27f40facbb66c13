package around

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// Test is a test of a tree.
type Test struct {
	Name   string // generic/091
	Groups []string
}

// testName is what xfstests' common/test_names takes for one: a test's file, whose golden output is called the same with .out behind it.
var testName = regexp.MustCompile(`^[0-9]{3}-?[[:alnum:]-]*$`)

// Tests lists the tree's tests, sorted, with their groups as the tests themselves declare them: no group.list need have been built.
func (t Tree) Tests() ([]Test, error) {
	files, err := filepath.Glob(filepath.Join(t.Dir, "tests", "*", "[0-9][0-9][0-9]*"))
	if err != nil {
		return nil, err
	}
	var tests []Test
	for _, file := range files {
		if !testName.MatchString(filepath.Base(file)) {
			continue
		}
		groups, err := groupsOf(file)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("list tests: %w", err)
		}
		tests = append(tests, Test{Name: filepath.Base(filepath.Dir(file)) + "/" + filepath.Base(file), Groups: groups})
	}
	if len(tests) == 0 {
		return nil, fmt.Errorf("list tests: %s has none", filepath.Join(t.Dir, "tests"))
	}
	slices.SortFunc(tests, func(a, b Test) int { return strings.Compare(a.Name, b.Name) })
	return tests, nil
}

// groupsOf reads a test's line "_begin_fstest GROUP…", which a # ends, as tools/mkgroupfile does.
func groupsOf(file string) ([]string, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		if rest, ok := strings.CutPrefix(lines.Text(), "_begin_fstest "); ok {
			rest, _, _ = strings.Cut(rest, "#")
			return strings.Fields(rest), nil
		}
	}
	return nil, lines.Err()
}

// Selection says which tests are meant. What is left empty restricts nothing, but that of Names and Groups one must be given.
type Selection struct {
	// Names are tests by glob: generic/091, or 'xfs/*'.
	Names []string
	// Groups are as check -g has them: quick, or xfs/quick for those of one folder. A test of any of them is meant; a test of an Exclude group is not.
	Groups, Exclude []string
}

// Select picks tests for a file system. Groups without a folder mean, as in check, those of generic and of the file system's own folder.
func (s Selection) Select(tests []Test, fstype string) ([]Test, error) {
	if len(s.Names)+len(s.Groups) == 0 {
		return nil, errors.New("select tests: name tests, or groups")
	}
	if err := s.known(tests); err != nil {
		return nil, err
	}
	var out []Test
	for _, t := range tests {
		if (t.named(s.Names) || t.inAny(s.Groups, fstype)) && !t.inAny(s.Exclude, fstype) {
			out = append(out, t)
		}
	}
	return out, nil
}

// known refuses what no test has: a misspelt group would look like one whose tests all pass.
func (s Selection) known(tests []Test) error {
	for _, name := range s.Names {
		if _, err := path.Match(name, ""); err != nil {
			return fmt.Errorf("select tests %q: %w", name, err)
		}
		if !slices.ContainsFunc(tests, func(t Test) bool { return t.named([]string{name}) }) {
			return fmt.Errorf("select tests: there is no %s in the tree", name)
		}
	}
	for _, group := range slices.Concat(s.Groups, s.Exclude) {
		if !slices.ContainsFunc(tests, func(t Test) bool { return t.inGroup(group, t.folder()) }) {
			return fmt.Errorf("select tests: no test of the tree is in group %s", group)
		}
	}
	return nil
}

func (t Test) folder() string { return path.Dir(t.Name) }

func (t Test) named(globs []string) bool {
	return slices.ContainsFunc(globs, func(glob string) bool { ok, _ := path.Match(glob, t.Name); return ok })
}

func (t Test) inAny(groups []string, fstype string) bool {
	return slices.ContainsFunc(groups, func(group string) bool { return t.inGroup(group, ownFolder(fstype)) })
}

// inGroup says whether the test is in a group; own is the folder that a group without one means beside generic.
func (t Test) inGroup(group, own string) bool {
	folder, name, qualified := strings.Cut(group, "/")
	if !qualified {
		name = folder
	}
	switch {
	case qualified && folder != t.folder():
		return false
	case !qualified && t.folder() != "generic" && t.folder() != own:
		return false
	}
	return name == "all" || slices.Contains(t.Groups, name)
}

// ownFolder is the folder of a file system's own tests.
func ownFolder(fstype string) string {
	if fstype == "ext2" || fstype == "ext3" {
		return "ext4"
	}
	return fstype
}
