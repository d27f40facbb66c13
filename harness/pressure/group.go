package pressure

import (
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"time"

	"github.com/containerd/cgroups/v3"
	"github.com/containerd/cgroups/v3/cgroup2"
	"golang.org/x/sys/unix"
)

// mountPoint is where the unified hierarchy is mounted.
const mountPoint = "/sys/fs/cgroup"

// UnavailableError says that this kernel or machine has no memory cgroups to be used, and why.
type UnavailableError struct{ Why string }

func (e *UnavailableError) Error() string { return "no memory cgroup: " + e.Why }

// Group is a memory cgroup. Its methods are called by one goroutine at a time.
type Group struct {
	manager *cgroup2.Manager
	dir     string
	fd      int
}

// New makes a cgroup directly below the root of the unified hierarchy, without limits. It needs root's rights. An
// *UnavailableError says that there can be none here; any other error is a fault of ours. Close removes it.
func New(name string) (*Group, error) {
	if mode := cgroups.Mode(); mode != cgroups.Unified {
		return nil, &UnavailableError{fmt.Sprintf("%s is no unified hierarchy (cgroup2)", mountPoint)}
	}
	m, err := cgroup2.NewManager(mountPoint, "/"+name, &cgroup2.Resources{Memory: &cgroup2.Memory{}})
	if err != nil {
		return nil, &UnavailableError{fmt.Sprintf("the kernel has no memory controller (CONFIG_MEMCG), or it cannot be used: %v", err)}
	}
	dir := filepath.Join(mountPoint, name)
	fd, err := unix.Open(dir, unix.O_DIRECTORY|unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open memory cgroup %s: %w", dir, err), m.Delete())
	}
	return &Group{manager: m, dir: dir, fd: fd}, nil
}

// Dir is the cgroup's folder.
func (g *Group) Dir() string { return g.dir }

// FD is a descriptor of the folder, for clone3(2) to start a process in it. It is valid until Close.
func (g *Group) FD() int { return g.fd }

// SetHigh sets memory.high in bytes: above it tasks are throttled and made to reclaim. A negative number is no limit.
func (g *Group) SetHigh(n int64) error {
	n = limit(n)
	return g.set(&cgroup2.Memory{High: &n})
}

// SetMax sets memory.max in bytes: what cannot be reclaimed above it is killed for. A negative number is no limit. Setting it below
// what is used reclaims, and kills where that is not enough, before it returns.
func (g *Group) SetMax(n int64) error {
	n = limit(n)
	return g.set(&cgroup2.Memory{Max: &n})
}

func (g *Group) set(m *cgroup2.Memory) error {
	if err := g.manager.Update(&cgroup2.Resources{Memory: m}); err != nil {
		return fmt.Errorf("limit memory cgroup: %w", err)
	}
	return nil
}

// limit is the number to write: the kernel takes one that is larger than any memory as "max", and no negative ones.
func limit(n int64) int64 {
	if n < 0 {
		return math.MaxInt64
	}
	return n
}

// Kills is how many processes of the group the kernel has killed for want of memory (oom_kill of memory.events).
func (g *Group) Kills() (int64, error) {
	stat, err := g.manager.StatFiltered(cgroup2.StatMemoryEvents)
	if err != nil {
		return 0, fmt.Errorf("count kills: %w", err)
	}
	return int64(stat.GetMemoryEvents().GetOomKill()), nil
}

// removeTries bounds how often Close looks for the last process to be gone.
const removeTries = 200

// Close removes the group. Its processes must be about to end; one that does not end keeps the folder, and that is the error.
func (g *Group) Close() error {
	_ = unix.Close(g.fd)
	err := g.manager.Delete()
	for i := 0; err != nil && i < removeTries; i++ {
		time.Sleep(5 * time.Millisecond)
		err = g.manager.Delete()
	}
	if err != nil {
		return fmt.Errorf("remove memory cgroup %s: %w", g.dir, err)
	}
	return nil
}
