package host

import (
	"fmt"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/iomapcheck/iomapcheck/harness/kmsg"
	"github.com/iomapcheck/iomapcheck/harness/oops"
)

// oursOf are those of the findings that may be about this program.
func (r *run) oursOf(found []kmsg.Finding) []kmsg.Finding {
	return slices.DeleteFunc(found, func(f kmsg.Finding) bool { return !r.ours(f) })
}

// ours says whether a finding may be about this program. The log is the whole machine's, where others try file systems, too: what the kernel says
// of a device is ours only if it is of ours, a hung task only if it is not another process's, and a stale page cache only of a file that has the
// name of one of ours. The rest of it stands in the console's text.
func (r *run) ours(f kmsg.Finding) bool {
	switch f.Kind {
	case oops.FSCorruption, oops.FSShutdown, oops.IOError:
		names := regexp.MustCompile(`\b` + regexp.QuoteMeta(r.device) + `\b`)
		return r.device == "" || slices.ContainsFunc(f.Lines, names.MatchString)
	case oops.HungTask:
		return !others(f.Lines)
	case oops.StalePageCache:
		return slices.Contains(r.job.Program.Files(), path.Base(f.File))
	}
	return true
}

// others says whether a report names a task that hangs and is another program's: neither a kernel thread, nor a child of this process.
func others(report []string) bool {
	for _, line := range report {
		m := hung().FindStringSubmatch(line)
		if m == nil {
			continue
		}
		if _, err := os.Readlink("/proc/" + m[1] + "/exe"); err != nil {
			return false // a kernel thread, or gone: killed since it was ours
		}
		status, err := os.ReadFile("/proc/" + m[1] + "/status")
		text := string(status)
		return err == nil && !strings.Contains(text, fmt.Sprintf("\nPPid:\t%d\n", os.Getpid())) && !strings.Contains(text, fmt.Sprintf("\nTgid:\t%d\n", os.Getpid()))
	}
	return false
}

// hung matches the first line of the kernel's report of a hung task (kernel/hung_task.c).
func hung() *regexp.Regexp { return regexp.MustCompile(`task .*:(\d+) blocked`) }
