package report

import (
	"fmt"
	"strings"

	"github.com/iomapcheck/iomapcheck/harness/campaign"
	"github.com/iomapcheck/iomapcheck/harness/fsys"
	"github.com/iomapcheck/iomapcheck/harness/prog"
	"github.com/iomapcheck/iomapcheck/harness/reproduce"
)

// Reproducer is the finding's program as a C file for people who do not have iomapcheck, the reduced one where there is one. A
// *reproduce.RefusedError says why there can be none.
func Reproducer(v campaign.Verdict, e Evidence, rule string) (string, error) {
	p, err := prog.Parse(smallest(e))
	if err != nil {
		return "", fmt.Errorf("write a reproducer: %w", err)
	}
	return reproduce.C(p, Circumstances(v, rule))
}

// CommandForC is the command that writes a verdict's program as C.
func CommandForC(v campaign.Verdict) string {
	return "iomapcheck reproducer " + quoted(v.Evidence) + " -o repro.c"
}

// Circumstances are a verdict's, as a reproducer tells them.
func Circumstances(v campaign.Verdict, rule string) reproduce.Circumstances {
	c := reproduce.Circumstances{}
	if spec, err := fsys.Parse(v.FSName()); err == nil {
		c = On(spec)
	}
	c.Name, c.Rule, c.Kernel, c.Seen = v.Name(), rule, strings.TrimPrefix(Where(v), "kernel "), v.Text
	return c
}

// On are the circumstances of a file system alone.
func On(s fsys.Spec) reproduce.Circumstances {
	const device = "DEVICE"
	mkfs := strings.TrimSuffix(strings.Join(s.Mkfs(device), " "), " "+device)
	return reproduce.Circumstances{
		FS: s.String(), Type: s.KernelType(), Mkfs: mkfs, MountOptions: s.MountOptions(), Attr: prog.Attr(s.Attr()),
		Fixed: s.Variant.FileSize != 0, Beside: beside(s),
	}
}

// beside is what the file system needs that is no plain block device to mount.
func beside(s fsys.Spec) string {
	d := s.Device()
	if d.Log != 0 || d.RT || d.Kind != fsys.Plain {
		return s.Needs()
	}
	return ""
}
