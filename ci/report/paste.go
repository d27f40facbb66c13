package report

import (
	"fmt"
	"strings"

	"github.com/iomapcheck/iomapcheck/harness/campaign"
	"github.com/iomapcheck/iomapcheck/harness/fsys"
	"github.com/iomapcheck/iomapcheck/vmimage/kernel"
)

// Paste is a finding as a reply in a mail has it: what is bad, what must hold, what was seen, then where, how to run it again, and how
// anyone reproduces it.
func Paste(r *Report, f *Finding) string {
	v := f.Shown.Last()
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s on %s\n", v.Verdict.Verdict, f.Case, f.FS)
	if rule := r.Rule(f.Case); rule != "" {
		fmt.Fprintf(&b, "  must hold   %s\n", rule)
	}
	fmt.Fprintf(&b, "  seen        %s\n", v.Text)
	fmt.Fprintf(&b, "  where       %s; %s\n", Where(v.Verdict), Made(v.Verdict))
	fmt.Fprintf(&b, "  replay      %s\n", v.ReplayCommand())
	fmt.Fprintf(&b, "  reproducer  %s\n", Reproduce(v.Verdict, "program.txt"))
	return b.String()
}

// Made is how the verdict's file system is made and mounted: "mkfs.xfs -q … /dev/vda, mounted with dax=always".
func Made(v campaign.Verdict) string {
	spec, err := fsys.Parse(v.FSName())
	if err != nil || v.Target == "refengine" {
		return v.FSName()
	}
	made := strings.Join(spec.Mkfs("DEVICE"), " ")
	if o := spec.MountOptions(); o != "" {
		made += ", mounted with " + o
	}
	return made
}

// Between says which kernels lie between two releases: "6.12.112 to 6.12.117", or "" where the releases do not tell.
func Between(older, newer string) string {
	a, errA := kernel.ParseVersion(older)
	b, errB := kernel.ParseVersion(newer)
	switch {
	case errA != nil || errB != nil || a.Compare(b) >= 0:
		return ""
	case a.Major == b.Major && a.Minor == b.Minor && b.Patch-a.Patch > 1:
		return fmt.Sprintf("%d.%d.%d to %d.%d.%d", a.Major, a.Minor, a.Patch+1, b.Major, b.Minor, b.Patch)
	case a.Major == b.Major && a.Minor == b.Minor && b.Patch > a.Patch:
		return fmt.Sprintf("%d.%d.%d alone", b.Major, b.Minor, b.Patch)
	case a.Major == b.Major && a.Minor == b.Minor:
		return "the same point release, built anew"
	case a.Major == b.Major:
		return fmt.Sprintf("%d.%d to %d.%d: %d series", a.Major, a.Minor+1, b.Major, b.Minor, b.Minor-a.Minor)
	}
	return fmt.Sprintf("%d.%d to %d.%d", a.Major, a.Minor, b.Major, b.Minor)
}
