package initramfs

import (
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/iomapcheck/iomapcheck/vmimage/cache"
)

// baseEntries lays out everything but the agent: folders first, then devices, modules, tools.
func baseEntries(config Config) []entry {
	entries := []entry{
		{path: "/dev/console", mode: fs.ModeCharDevice | 0o600, major: 5, minor: 1},
		{path: "/dev/null", mode: fs.ModeCharDevice | 0o666, major: 1, minor: 3},
		{path: "/dev/kmsg", mode: fs.ModeCharDevice | 0o600, major: 1, minor: 11},
	}
	entries = append(entries, moduleEntries(config)...)
	for _, file := range config.Files {
		entries = append(entries, entry{path: file.Guest, mode: file.Mode.Perm(), host: file.Host})
	}
	return append(folders(entries), entries...)
}

// moduleEntries are the modules' files, each once, and the index.
func moduleEntries(config Config) []entry {
	var index strings.Builder
	var entries []entry
	packed := map[string]bool{}
	for _, loading := range config.Modules {
		fmt.Fprintf(&index, "%s:", loading.Name)
		for _, module := range loading.Files {
			fmt.Fprintf(&index, " %s.ko", module.Name)
			if !packed[module.Name] {
				packed[module.Name] = true
				entries = append(entries, entry{path: "/modules/" + module.Name + ".ko", mode: 0o644, host: module.Path})
			}
		}
		index.WriteString("\n")
	}
	return append(entries, entry{path: "/modules/index", mode: 0o644, text: index.String()})
}

// folders returns every folder that entries are in, and those the agent mounts on, parents first.
func folders(entries []entry) []entry {
	needed := map[string]bool{"/mnt": true, "/proc": true, "/root": true, "/run": true, "/sys": true, "/tmp": true}
	for _, entry := range entries {
		for dir := path.Dir(entry.path); dir != "/"; dir = path.Dir(dir) {
			needed[dir] = true
		}
	}
	var result []entry
	for dir := range needed {
		result = append(result, entry{path: dir, mode: fs.ModeDir | 0o755})
	}
	slices.SortFunc(result, func(a, b entry) int { return strings.Compare(a.path, b.path) })
	return result
}

// entriesKey is a content hash over all that goes into the archive.
func entriesKey(entries []entry) (string, error) {
	var parts []string
	for _, entry := range entries {
		content := entry.text
		if entry.host != "" {
			var err error
			if content, err = hashFile(entry.host); err != nil {
				return "", err
			}
		}
		parts = append(parts, fmt.Sprint(entry.path, " ", entry.mode, " ", entry.major, ":", entry.minor), content)
	}
	return cache.Key(parts...), nil
}
