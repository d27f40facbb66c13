package host

import (
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/iomapcheck/iomapcheck/harness/prog"
)

// capSysResource is CAP_SYS_RESOURCE of linux/capability.h: ext4 has it of who turns on data journalling (ext4_ioctl_setflags).
const capSysResource = 24

// privileges says which right a program takes that this process does not have, as root of a container may not; "" for none.
func privileges(p prog.Program) string {
	for _, s := range p.Steps() {
		if s.Op.Verb == prog.VAttr && !capable(capSysResource) {
			return fmt.Sprintf("op %d: %s: it takes CAP_SYS_RESOURCE, which this process does not have", s.N, s.Op)
		}
	}
	return ""
}

// capable says whether a capability is effective; where that cannot be read, it is taken for so, and the kernel will tell.
func capable(number uint) bool {
	status, err := os.ReadFile("/proc/self/status")
	_, after, found := strings.Cut(string(status), "\nCapEff:\t")
	digits, _, _ := strings.Cut(after, "\n")
	bits, parseErr := strconv.ParseUint(digits, 16, 64)
	return err != nil || !found || parseErr != nil || bits>>number&1 == 1
}
