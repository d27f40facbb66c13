package main

import "runtime/debug"

// ownVersion is this program's, as the Go linker noted it: a release's tag, or the commit and its time.
func ownVersion() string {
	if build, ok := debug.ReadBuildInfo(); ok && build.Main.Version != "" {
		return build.Main.Version
	}
	return "(devel)"
}
