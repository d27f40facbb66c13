package around

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/iomapcheck/iomapcheck/harness/xfstests/around/inguest"
)

// sectionHead and keyLine are the lines of a local.config with sections, as common/config reads them.
var (
	sectionHead = regexp.MustCompile(`^\[([A-Za-z0-9_-]*)\]`)
	keyLine     = regexp.MustCompile(`^(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=\s*(.*?)\s*$`)
)

// ReadConfig reads a local.config: a column for each section, in their order, or one called "config" for a file without sections. As in xfstests, what a
// section says holds for those behind it, until one says otherwise; the options of mkfs and mount only while FSTYP is the same. Devices and folders
// are the machine's, whatever the file says. Names of shell variables in values are not expanded: such a line is an error.
func ReadConfig(text string) ([]Column, error) {
	var columns []Column
	keys := map[string]string{}
	own := map[string]string{} // what the present section says itself
	name := ""
	end := func() {
		if name != "" {
			columns = append(columns, columnOf(name, keys, own))
		}
	}
	for n, line := range numbered(text) {
		line, _, _ = strings.Cut(line, "#")
		line = strings.TrimSpace(line)
		if m := sectionHead.FindStringSubmatch(line); m != nil {
			end()
			name, own = m[1], map[string]string{}
			continue
		}
		if line == "" {
			continue
		}
		m := keyLine.FindStringSubmatch(line)
		if m == nil {
			return nil, fmt.Errorf("read local.config: line %d: %q is neither a section nor KEY=value", n, line)
		}
		value := unquote(m[2])
		if strings.ContainsAny(value, "$`") {
			return nil, fmt.Errorf("read local.config: line %d: %q would have to be expanded by a shell; write its value", n, line)
		}
		own[m[1]] = value
	}
	if name == "" {
		name = "config"
	}
	end()
	return columns, nil
}

// numbered are a text's lines with their numbers from 1.
func numbered(text string) func(func(int, string) bool) {
	return func(yield func(int, string) bool) {
		n := 0
		for line := range strings.Lines(text) {
			n++
			if !yield(n, strings.TrimRight(line, "\r\n")) {
				return
			}
		}
	}
}

func unquote(value string) string {
	for _, quote := range []string{`"`, `'`} {
		if len(value) >= 2 && strings.HasPrefix(value, quote) && strings.HasSuffix(value, quote) {
			return value[1 : len(value)-1]
		}
	}
	return value
}

// ofFSType are keys that xfstests forgets when FSTYP changes from one section to the next.
func ofFSType() []string {
	return []string{"MOUNT_OPTIONS", "TEST_FS_MOUNT_OPTS", "MKFS_OPTIONS", "FSCK_OPTIONS", "USE_EXTERNAL"}
}

// ours are keys that say where things are: those are the machine's.
func ours() []string {
	return []string{"TEST_DEV", "TEST_DIR", "SCRATCH_DEV", "SCRATCH_MNT", "SCRATCH_DEV_POOL", "RESULT_BASE", "FSTYP", "RECREATE_TEST_DEV",
		"TEST_LOGDEV", "TEST_RTDEV", "SCRATCH_LOGDEV", "SCRATCH_RTDEV", "LOGWRITES_DEV"}
}

// columnOf adds what a section says to what those before it have said, and makes its column.
func columnOf(name string, keys, own map[string]string) Column {
	if fs, ok := own["FSTYP"]; ok && fs != keys["FSTYP"] {
		for _, key := range ofFSType() {
			delete(keys, key)
		}
	}
	maps.Copy(keys, own)
	c := Column{Name: name, FSType: keys["FSTYP"], Keys: maps.Clone(keys)}
	if c.FSType == "" {
		c.FSType = "xfs" // xfstests' default for a blank TEST_DEV
	}
	if !slices.Contains([]string{"xfs", "ext2", "ext3", "ext4", "btrfs"}, c.FSType) {
		c.Unsupported = "the userland has no tools for FSTYP=" + c.FSType
	}
	if c.Keys["USE_EXTERNAL"] == "yes" {
		c.Unsupported = "USE_EXTERNAL=yes needs disks for logs; there are TEST and SCRATCH"
	}
	for _, key := range ours() {
		delete(c.Keys, key)
	}
	return c
}

// Config is the text of local.config for the column, without sections. The devices are inguest's placeholders.
func (c Column) Config() string {
	keys := map[string]string{}
	maps.Copy(keys, c.Keys)
	maps.Copy(keys, map[string]string{
		"FSTYP": c.FSType, "TEST_DEV": inguest.TestDev, "TEST_DIR": inguest.TestDir,
		"SCRATCH_DEV": inguest.ScratchDev, "SCRATCH_MNT": inguest.ScratchDir, "RESULT_BASE": inguest.TreeDir + "/results",
	})
	var out strings.Builder
	fmt.Fprintf(&out, "# %s\n", c.Name)
	for _, key := range slices.Sorted(maps.Keys(keys)) {
		fmt.Fprintf(&out, "export %s='%s'\n", key, strings.ReplaceAll(keys[key], "'", `'\''`))
	}
	return out.String()
}
