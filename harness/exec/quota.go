package exec

import (
	"golang.org/x/sys/unix"

	"github.com/iomapcheck/iomapcheck/harness/quota"
)

// owner is the user whose quota is filled. root has none.
const owner = 4242

// fillQuota has the owner of the program's files be given only n bytes more. The calling thread, which is the task's own, then has no leave to
// exceed that.
func (f *files) fillQuota(n int64) error {
	if f.quota != nil {
		return unix.EBUSY
	}
	limit, err := quota.Leave(f.root, owner, n)
	if err != nil {
		return err
	}
	f.quota = limit
	return quota.Obey()
}

// closeQuota lifts the limit. That it cannot be lifted shows in who writes next.
func (f *files) closeQuota() {
	if f.quota != nil {
		_ = f.quota.Lift()
		f.quota = nil
	}
}
