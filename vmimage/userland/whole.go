package userland

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/iomapcheck/iomapcheck/vmimage/apt"
	"github.com/iomapcheck/iomapcheck/vmimage/cache"
)

const (
	wholeClass = "userland-whole"
	// wholeLayout changes when what is made of the same packages does.
	wholeLayout = "1"
)

// User is an account of a whole userland, with a group of the same name.
type User struct {
	Name string
	ID   int // of the user and of the group
}

// Whole returns the root folder of a complete userland: the packages with all they depend on, unpacked, and what their maintainer
// scripts would have settled (accounts, alternatives, the merged /usr). No script of a package is run, and no root is needed. The folder is kept
// in the cache, shared, and not to be changed. Packages that every system has must be named as well: to apt nothing is installed, and
// essential packages are nobody's dependency.
func Whole(ctx context.Context, dir cache.Dir, archive Archive, packages []string, users []User) (string, error) {
	key := cache.Key(append([]string{wholeLayout, fmt.Sprint(users)}, packages...)...)
	root, err := dir.Publish(ctx, wholeClass, key, func(root string) error { return buildWhole(ctx, archive, packages, users, root) })
	if err != nil {
		return "", fmt.Errorf("get userland of %d packages: %w", len(packages), err)
	}
	return root, nil
}

func buildWhole(ctx context.Context, archive Archive, packages []string, users []User, root string) error {
	debs, err := archive.Plan(ctx, packages, true)
	if err != nil {
		return err
	}
	if err := archive.Fetch(ctx, debs); err != nil {
		return err
	}
	if err := unpack(ctx, debs, root); err != nil {
		return err
	}
	return errors.Join(settle(root, users), apt.Discard(debs))
}

// settle does what maintainer scripts would have done, as far as programs notice.
func settle(root string, users []User) error {
	for _, step := range []func(string) error{
		mergeUsr, dropDocumentation, makeFolders, chooseAlternatives, writeSettings,
		func(root string) error { return writeAccounts(root, users) },
	} {
		if err := step(root); err != nil {
			return fmt.Errorf("settle userland: %w", err)
		}
	}
	return nil
}

// mergeUsr makes /bin, /sbin and the like links into /usr, as they are on every Debian since 12, whichever of both a package has its files in.
func mergeUsr(root string) error {
	for _, name := range []string{"bin", "sbin", "lib", "lib64"} {
		old := filepath.Join(root, name)
		info, err := os.Lstat(old)
		if err == nil && !info.IsDir() {
			continue
		}
		if err == nil {
			if err := moveInto(old, filepath.Join(root, "usr", name)); err != nil {
				return err
			}
		}
		if err := os.Symlink("usr/"+name, old); err != nil {
			return err
		}
	}
	return nil
}

// moveInto moves what is in a folder into another one, and removes it.
func moveInto(from, to string) error {
	if err := os.MkdirAll(to, 0o755); err != nil {
		return err
	}
	entries, err := os.ReadDir(from)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		source, target := filepath.Join(from, entry.Name()), filepath.Join(to, entry.Name())
		if info, err := os.Lstat(target); err == nil && info.IsDir() && entry.IsDir() {
			err = moveInto(source, target)
			if err != nil {
				return err
			}
			continue
		}
		if err := os.Rename(source, target); err != nil {
			return err
		}
	}
	return os.Remove(from)
}

// dropDocumentation removes what nobody reads in a guest: a fifth of the whole.
func dropDocumentation(root string) error {
	for _, name := range []string{"doc", "man", "info", "locale", "doc-base", "lintian"} {
		if err := os.RemoveAll(filepath.Join(root, "usr/share", name)); err != nil {
			return err
		}
	}
	return nil
}

func makeFolders(root string) error {
	for _, name := range []string{"dev", "proc", "sys", "run", "mnt", "root", "srv", "etc", "var/lib"} {
		if err := os.MkdirAll(filepath.Join(root, name), 0o755); err != nil {
			return err
		}
	}
	for _, name := range []string{"tmp", "var/tmp"} {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(path, 0o755); err != nil {
			return err
		}
		if err := os.Chmod(path, 0o777|fs.ModeSticky); err != nil {
			return err
		}
	}
	return nil
}

// chooseAlternatives makes the links that update-alternatives would have made, where there is something to link to: what matches first.
func chooseAlternatives(root string) error {
	for link, pattern := range map[string]string{
		"awk": "gawk", "cc": "gcc", "c99": "gcc", "which": "which.debianutils", "aclocal": "aclocal-1.*", "automake": "automake-1.*",
	} {
		found, err := filepath.Glob(filepath.Join(root, "usr/bin", pattern))
		if err != nil || len(found) == 0 {
			continue
		}
		if err := linkOnce(filepath.Base(found[0]), filepath.Join(root, "usr/bin", link)); err != nil {
			return err
		}
	}
	return linkOnce("../proc/self/mounts", filepath.Join(root, "etc/mtab"))
}

// linkOnce makes a symbolic link unless there is something of that name.
func linkOnce(target, path string) error {
	if err := os.Symlink(target, path); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return nil
}

// writeSettings writes the few files below /etc that programs do not go without. Whoever is root in the guest may become anybody.
func writeSettings(root string) error {
	files := map[string]string{
		"etc/hostname": "guest\n", "etc/hosts": "127.0.0.1 localhost guest\n", "etc/fstab": "", "etc/resolv.conf": "",
		"etc/nsswitch.conf": "passwd: files\ngroup: files\nshadow: files\nhosts: files\n",
	}
	for kind, module := range map[string]string{"auth": "pam_permit.so", "account": "pam_permit.so", "password": "pam_permit.so", "session": "pam_permit.so"} {
		files["etc/pam.d/common-"+kind] = kind + " required " + module + "\n"
	}
	files["etc/pam.d/common-session-noninteractive"] = files["etc/pam.d/common-session"]
	for name, text := range files {
		if err := writeFile(filepath.Join(root, name), text); err != nil {
			return err
		}
	}
	return nil
}

// writeAccounts writes the accounts of every Debian (base-passwd's) and the users.
func writeAccounts(root string, users []User) error {
	for _, name := range []string{"passwd", "group"} {
		text, err := os.ReadFile(filepath.Join(root, "usr/share/base-passwd", name+".master"))
		if err != nil {
			return err
		}
		for _, u := range users {
			text = append(text, u.line(name)...)
		}
		if err := writeFile(filepath.Join(root, "etc", name), strings.ReplaceAll(string(text), ":*:", ":x:")); err != nil {
			return err
		}
	}
	return nil
}

// line is the user's in /etc/passwd or /etc/group.
func (u User) line(file string) string {
	if file == "group" {
		return fmt.Sprintf("%s:x:%d:\n", u.Name, u.ID)
	}
	return fmt.Sprintf("%s:x:%d:%d::/tmp:/bin/bash\n", u.Name, u.ID, u.ID)
}

func writeFile(path, text string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, []byte(text), 0o644)
}
