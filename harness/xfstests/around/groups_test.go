package around

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// treeOf makes a tree whose tests are files with this first line behind the shell's.
func treeOf(t *testing.T, tests map[string]string) Tree {
	t.Helper()
	dir := t.TempDir()
	files := map[string]string{"check": "#!/bin/bash\n", "common/preamble": ""}
	for name, begin := range tests {
		files["tests/"+name] = "#! /bin/bash\n" + begin + "\n"
	}
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	tree, err := OpenTree(dir)
	if err != nil {
		t.Fatal(err)
	}
	return tree
}

func someTests(t *testing.T) []Test {
	t.Helper()
	tests, err := treeOf(t, map[string]string{
		"generic/091": "_begin_fstest rw auto quick", "generic/091.out": "", "generic/095": "_begin_fstest auto quick rw # stress",
		"generic/208": "_begin_fstest auto aio", "generic/group.list": "091 auto", "xfs/131": "_begin_fstest auto quick rw", "ext4/301": "_begin_fstest auto ioctl",
		"generic/999-named-one": "_begin_fstest other", "selftest/001": "_begin_fstest selftest", "generic/Makefile": "",
	}).Tests()
	if err != nil {
		t.Fatal(err)
	}
	return tests
}

func names(tests []Test) string {
	var out []string
	for _, t := range tests {
		out = append(out, t.Name)
	}
	return strings.Join(out, " ")
}

func TestGroupsAreAsTheTestsDeclareThem(t *testing.T) {
	tests := someTests(t)
	if got, want := names(tests), "ext4/301 generic/091 generic/095 generic/208 generic/999-named-one selftest/001 xfs/131"; got != want {
		t.Fatalf("tests %s, want %s", got, want)
	}
	if got := tests[2].Groups; !slices.Equal(got, []string{"auto", "quick", "rw"}) {
		t.Errorf("groups %q: a comment ends the list", got)
	}
}

func TestSelectionsAreChecks(t *testing.T) {
	for _, c := range []struct {
		s          Selection
		fs, expect string
	}{
		{Selection{Groups: []string{"quick"}}, "xfs", "generic/091 generic/095 xfs/131"},
		{Selection{Groups: []string{"quick"}}, "ext4", "generic/091 generic/095"},
		{Selection{Groups: []string{"auto"}}, "ext2", "ext4/301 generic/091 generic/095 generic/208"},
		{Selection{Groups: []string{"xfs/quick"}}, "ext4", "xfs/131"},
		{Selection{Groups: []string{"auto"}, Exclude: []string{"aio"}}, "btrfs", "generic/091 generic/095"},
		{Selection{Names: []string{"generic/09?", "ext4/301"}}, "xfs", "ext4/301 generic/091 generic/095"},
		{Selection{Groups: []string{"generic/all"}}, "xfs", "generic/091 generic/095 generic/208 generic/999-named-one"},
	} {
		got, err := c.s.Select(someTests(t), c.fs)
		if err != nil || names(got) != c.expect {
			t.Errorf("%+v on %s: %s, %v; want %s", c.s, c.fs, names(got), err, c.expect)
		}
	}
}

func TestWhatIsNotInTheTreeIsNotSelectedInSilence(t *testing.T) {
	for _, s := range []Selection{
		{}, {Names: []string{"generic/092"}}, {Groups: []string{"qiuck"}}, {Groups: []string{"xfs/aio"}}, {Names: []string{"generic/["}},
		{Names: []string{"generic/091"}, Exclude: []string{"slow"}},
	} {
		if got, err := s.Select(someTests(t), "xfs"); err == nil {
			t.Errorf("%+v: %s, and no error", s, names(got))
		}
	}
}

func TestAFolderThatIsNoTreeIsRefused(t *testing.T) {
	if _, err := OpenTree(t.TempDir()); err == nil || !strings.Contains(err.Error(), "has no check") {
		t.Error(err)
	}
}

func TestTheKeyOfATreeFollowsItsContent(t *testing.T) {
	tree := treeOf(t, map[string]string{"generic/001": "_begin_fstest auto"})
	key := func() string {
		t.Helper()
		k, err := tree.Key(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return k
	}
	first := key()
	change := func(name, text string, mode os.FileMode) {
		t.Helper()
		path := filepath.Join(tree.Dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
	}
	change("results/generic/001.full", "of a run", 0o644)
	change("local.config", "export FSTYP=xfs", 0o644)
	if key() != first {
		t.Error("results and a user's configuration are part of the key")
	}
	change("tests/generic/001.out", "golden", 0o644)
	if key() == first {
		t.Error("a test's output is not part of the key")
	}
}
