package userland

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// unmerged is a tree of packages from before and after the merged /usr.
func unmerged(t *testing.T) string {
	return tree(t, map[string]string{
		"/bin/bash": "bash", "/usr/bin/gawk": "gawk", "/usr/bin/env": "env", "/lib/x86_64-linux-gnu/libc.so.6": "libc", "/usr/lib/x86_64-linux-gnu/libm.so.6": "libm",
		"/lib64": "-> usr/lib64", "/usr/lib64/ld-linux-x86-64.so.2": "loader", "/usr/bin/aclocal-1.17": "aclocal", "/usr/share/doc/bash/README": "read me",
		"/usr/share/base-passwd/passwd.master": "root:*:0:0:root:/root:/bin/bash\n", "/usr/share/base-passwd/group.master": "root:*:0:\n",
	})
}

func TestASettledUserlandHasWhatMaintainerScriptsMake(t *testing.T) {
	root := unmerged(t)
	if err := settle(root, []User{{"fsgqa", 1001}}); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		"bin/bash": "bash", "usr/bin/bash": "bash", "bin/awk": "gawk", "bin/aclocal": "aclocal", "lib/x86_64-linux-gnu/libc.so.6": "libc",
		"usr/lib/x86_64-linux-gnu/libc.so.6": "libc", "lib64/ld-linux-x86-64.so.2": "loader",
		"etc/passwd": "root:x:0:0:root:/root:/bin/bash\nfsgqa:x:1001:1001::/tmp:/bin/bash\n", "etc/group": "root:x:0:\nfsgqa:x:1001:\n",
	} {
		if got, err := os.ReadFile(filepath.Join(root, path)); err != nil || string(got) != want {
			t.Errorf("%s: %q, %v; want %q", path, got, err, want)
		}
	}
	for _, gone := range []string{"usr/share/doc", "usr/bin/cc"} {
		if _, err := os.Lstat(filepath.Join(root, gone)); err == nil {
			t.Errorf("there is %s", gone)
		}
	}
	if info, err := os.Stat(filepath.Join(root, "tmp")); err != nil || info.Mode() != os.ModeDir|os.ModeSticky|0o777 {
		t.Errorf("tmp: %v, %v", info, err)
	}
}

func TestAUserlandWithoutBasePasswdIsRefused(t *testing.T) {
	if err := settle(tree(t, map[string]string{"/bin/sh": ""}), nil); err == nil || !strings.Contains(err.Error(), "passwd.master") {
		t.Error(err)
	}
}
