package inside

import (
	"crypto/sha256"
	"errors"
	"io/fs"
	"os"
	osexec "os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/iomapcheck/iomapcheck/cases"
)

// miniature is a copy of the small tree of testdata.
func miniature(t *testing.T) (Tree, string) {
	t.Helper()
	root := filepath.Join(t.TempDir(), "xfstests")
	if out, err := osexec.Command("cp", "-a", "testdata/tree", root).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	tree, err := OpenTree(root, Folder)
	if err != nil {
		t.Fatal(err)
	}
	return tree, root
}

// contents is every file below a folder with its mode and checksum.
func contents(t *testing.T, root string) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		name, _ := filepath.Rel(root, path)
		all[name] = info.Mode().String()
		if !d.IsDir() {
			data, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			sum := sha256.Sum256(data)
			all[name] += string(sum[:])
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func install(t *testing.T, tree Tree) {
	t.Helper()
	if n, err := tree.Install(cases.Catalogue(), []byte("#!/bin/sh\n")); err != nil || n != len(cases.Catalogue()) {
		t.Fatalf("install: %d tests, %v", n, err)
	}
}

func TestUninstallLeavesTheTreeByteForByteAsItWas(t *testing.T) {
	tree, root := miniature(t)
	before := contents(t, root)
	install(t, tree)
	if after := contents(t, root); cmp.Equal(before, after) {
		t.Fatal("install changed nothing")
	}
	if was, err := tree.Uninstall(); err != nil || !was {
		t.Fatalf("uninstall: %v, %v", was, err)
	}
	if diff := cmp.Diff(before, contents(t, root)); diff != "" {
		t.Error(diff)
	}
	if was, err := tree.Uninstall(); err != nil || was {
		t.Errorf("uninstall again: %v, %v", was, err)
	}
}

func TestInstallAgainChangesNothingAndReplacesWhatIsOlder(t *testing.T) {
	tree, root := miniature(t)
	all := cases.Catalogue()
	if _, err := tree.Install(all[:10], []byte("older")); err != nil {
		t.Fatal(err)
	}
	install(t, tree)
	once := contents(t, root)
	install(t, tree)
	if diff := cmp.Diff(once, contents(t, root)); diff != "" {
		t.Error(diff)
	}
	if _, err := tree.Install(all[:10], []byte("older")); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(tree.ours("098")); !errors.Is(err, os.ErrNotExist) {
		t.Error("a test of a replaced installation is left")
	}
}

func TestAfterMakeCleanAndMakeUninstallStillKnowsItsFiles(t *testing.T) {
	tree, root := miniature(t)
	before := contents(t, root)
	install(t, tree)
	made := contents(t, root)
	for _, target := range []string{"clean", "default"} {
		if out, err := osexec.Command("make", "-C", tree.ours(), target).CombinedOutput(); err != nil {
			t.Fatalf("make %s: %v: %s", target, err, out)
		}
	}
	if diff := cmp.Diff(made, contents(t, root)); diff != "" {
		t.Errorf("make makes another group.list than install: %s", diff)
	}
	if _, err := tree.Uninstall(); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(before, contents(t, root)); diff != "" {
		t.Error(diff)
	}
}

// kvm-xfstests drops tests whose names do not begin with what it knows.
func TestTheFolderCanHaveAnotherNameAndThereIsOneOfThem(t *testing.T) {
	first, root := miniature(t)
	before := contents(t, root)
	tree, err := OpenTree(root, "generic-iomap")
	if err != nil {
		t.Fatal(err)
	}
	install(t, tree)
	for _, name := range []string{"003", "case.sh", "Makefile"} {
		text, err := os.ReadFile(filepath.Join(root, "tests/generic-iomap", name))
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(text), "tests/iomap") || !strings.Contains(string(text), "generic-iomap") {
			t.Errorf("%s speaks of another folder:\n%s", name, text)
		}
	}
	if _, err := first.Install(cases.Catalogue(), nil); err == nil || !strings.Contains(err.Error(), "generic-iomap") {
		t.Errorf("installed a second time, as tests/iomap: %v", err)
	}
	if _, err := first.Uninstall(); err == nil || !strings.Contains(err.Error(), "--folder generic-iomap") {
		t.Errorf("uninstalled as tests/iomap: %v", err)
	}
	if _, err := tree.Uninstall(); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(before, contents(t, root)); diff != "" {
		t.Error(diff)
	}
	for _, name := range []string{"", "../generic", "Generic", "a b", "-x"} {
		if _, err := OpenTree(root, name); err == nil {
			t.Errorf("folder %q: no error", name)
		}
	}
}

func TestWhatIsNotUnderstoodIsRefusedInOneLineAndLeftAlone(t *testing.T) {
	put := func(name, text string) func(*testing.T, string) {
		return func(t *testing.T, root string) {
			if err := os.MkdirAll(filepath.Dir(filepath.Join(root, name)), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(root, name), []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, c := range []struct {
		name      string
		installed bool
		change    func(*testing.T, string)
		want      string
	}{
		{"somebody else's tests/iomap", false, put("tests/iomap/001", "mine"), "did not make it"},
		{"a file beside ours", true, put("tests/iomap/mine", ""), "mine was not made by iomapcheck"},
		{"a test that was changed", true, put("tests/iomap/003", "echo"), "003 was changed"},
		{"a list that is not ours", true, put("tests/iomap/installed", "{}"), "is not what iomapcheck writes"},
		{"our groups were changed", true, put("doc/group-names.txt", "auto\t\tx\ncoherence\t\tother\n"), "by hand"},
	} {
		t.Run(c.name, func(t *testing.T) {
			tree, root := miniature(t)
			if c.installed {
				install(t, tree)
			}
			c.change(t, root)
			before := contents(t, root)
			_, err := tree.Install(cases.Catalogue()[:3], []byte("other"))
			_, err2 := tree.Uninstall()
			for what, err := range map[string]error{"install": err, "uninstall": err2} {
				if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
					t.Errorf("%s: %v, want one line with %q", what, err, c.want)
				}
			}
			if diff := cmp.Diff(before, contents(t, root)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestATreeThatIsNotXfstestsIsRefused(t *testing.T) {
	for name, spoil := range map[string]func(root string) error{
		"nothing":           os.RemoveAll,
		"no preamble":       func(root string) error { return os.Remove(filepath.Join(root, "common/preamble")) },
		"another preamble":  func(root string) error { return os.WriteFile(filepath.Join(root, "common/preamble"), nil, 0o644) },
		"no declared group": func(root string) error { return os.WriteFile(filepath.Join(root, groupNames), nil, 0o644) },
	} {
		_, root := miniature(t)
		if err := spoil(root); err != nil {
			t.Fatal(err)
		}
		if _, err := OpenTree(root, Folder); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestNumbersNeverChange(t *testing.T) {
	all, err := number(cases.Catalogue())
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for i, n := range all {
		if seen[n.Number] || i > 0 && n.Number <= all[i-1].Number {
			t.Errorf("%s %s: numbers have to grow", n.Number, n.Case.ID)
		}
		seen[n.Number] = true
	}
	// What people have in their expunge lists.
	for id, want := range map[string]string{"coherence/post-write-invalidation": "001", "fallback/redirty-during-writeback": "048", "durability/unflushed-writes": "098"} {
		i := slices.IndexFunc(all, func(n numbered) bool { return n.Case.ID == id })
		if i < 0 || all[i].Number != want {
			t.Errorf("%s does not have number %s, which it had", id, want)
		}
	}
	unknown := cases.Catalogue()[:1]
	unknown[0].ID = "coherence/new"
	if _, err := number(unknown); err == nil {
		t.Error("a case without a number is accepted")
	}
}

func TestEveryTestIsInAutoAndItsThemesGroup(t *testing.T) {
	all, err := number(cases.Catalogue())
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range all {
		script := testScript(Folder, n)
		_, rest, _ := strings.Cut(script, "\n_begin_fstest ")
		line, _, _ := strings.Cut(rest, "\n")
		if groups := strings.Fields(line); !slices.Contains(groups, "auto") || !slices.Contains(groups, n.Case.Theme()) {
			t.Errorf("%s:\n%s", n.Case.ID, script)
		}
		for line := range strings.Lines(script) {
			if len(line) > 200 {
				t.Errorf("%s: a line of %d bytes", n.Case.ID, len(line))
			}
		}
	}
}
