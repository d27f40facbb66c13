package around

import (
	"fmt"
	"slices"
	"strings"

	"github.com/iomapcheck/iomapcheck/harness/fsys"
)

// Column is one way to run tests: a file system with its options, from our table or from a section of somebody's local.config.
type Column struct {
	Name   string            // as verdicts show it: a file system's spec, or a section's name
	FSType string            // xfstests' FSTYP
	Keys   map[string]string // what local.config says beside the devices and FSTYP
	// Unsupported says why tests cannot be run so, "" where they can.
	Unsupported string
}

// ColumnOf is the column of a file system of ours.
func ColumnOf(spec fsys.Spec) Column {
	c := Column{Name: spec.String(), FSType: spec.KernelType(), Keys: map[string]string{}}
	switch {
	case !slices.Contains([]string{"xfs", "ext4", "btrfs"}, spec.Name()):
		c.Unsupported = "the userland has no tools for " + spec.Name()
	case spec.Needs() != "":
		c.Unsupported = fmt.Sprintf("%s needs %s; TEST and SCRATCH are plain disks", spec, spec.Needs())
	case spec.Attr() != "":
		c.Unsupported = fmt.Sprintf("%s is an attribute of files, which stock tests do not set", spec)
	}
	if options := mkfsOptions(spec); options != "" {
		c.Keys["MKFS_OPTIONS"] = options
	}
	if options := spec.MountOptions(); options != "" {
		c.Keys["MOUNT_OPTIONS"] = "-o " + options
		c.Keys["TEST_FS_MOUNT_OPTS"] = "-o " + options
	}
	return c
}

// mkfsOptions are a spec's that make the file system what it is. Sizes of logs and tables, and UUIDs, are the tests' own affair.
func mkfsOptions(spec fsys.Spec) string {
	wanted := map[string][]string{"xfs": {"-b", "-i", "-m"}, "ext4": {"-b", "-O"}}[spec.Name()]
	args := spec.Mkfs("DEVICE")
	var out []string
	for i := 1; i+1 < len(args); i++ {
		if slices.Contains(wanted, args[i]) && !strings.HasPrefix(args[i+1], "uuid=") {
			out = append(out, args[i], args[i+1])
			i++
		}
	}
	return strings.Join(out, " ")
}

// mkfs is a shell's line that makes the column's file system on a device, as xfstests' own _test_mkfs would.
func (c Column) mkfs(device string) string {
	force := map[string]string{"xfs": "-f -q", "btrfs": "-f -q", "ext4": "-F -q", "ext3": "-F -q", "ext2": "-F -q"}[c.FSType]
	return strings.Join(strings.Fields(fmt.Sprintf("mkfs.%s %s %s %s", c.FSType, force, c.Keys["MKFS_OPTIONS"], device)), " ")
}
