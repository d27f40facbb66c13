package around

import "github.com/iomapcheck/iomapcheck/vmimage/userland"

// packages are what a guest's userland is made of: what every Debian has, what xfstests runs, and what it is built with.
func packages() []string {
	return []string{
		// Essential ones are nobody's dependency.
		"base-files", "base-passwd", "bash", "bsdutils", "coreutils", "dash", "debianutils", "diffutils", "findutils", "grep", "gzip", "hostname", "libc-bin",
		"login", "mount", "ncurses-base", "ncurses-bin", "passwd", "perl", "procps", "sed", "sysvinit-utils", "tar", "util-linux",
		// What its tests run, by its README and by _require_command in its common/.
		"acl", "attr", "bc", "bsdextrautils", "btrfs-progs", "dbench", "dmsetup", "duperemove", "e2fsprogs", "file", "fio", "gawk", "keyutils", "kmod",
		"libcap2-bin", "lvm2", "psmisc", "python3", "quota", "uuid-runtime", "xfsdump", "xfsprogs", "xz-utils",
		// What it is built with.
		"autoconf", "automake", "gcc", "gettext", "libacl1-dev", "libaio-dev", "libattr1-dev", "libc6-dev", "libcap-dev", "libgdbm-dev", "libtool",
		"libtool-bin", "liburing-dev", "linux-libc-dev", "make", "pkg-config", "uuid-dev", "xfslibs-dev",
	}
}

// users are the accounts that xfstests wants, by its README.
func users() []userland.User {
	return []userland.User{{Name: "fsgqa", ID: 1001}, {Name: "123456-fsgqa", ID: 1002}, {Name: "fsgqa2", ID: 1003}}
}
