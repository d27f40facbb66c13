package pressure

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/containerd/cgroups/v3"
	"golang.org/x/sys/unix"
)

// mountPoint is where the unified hierarchy is mounted.
const mountPoint = "/sys/fs/cgroup"

// UnavailableError says that this kernel or machine has no memory cgroups to be used, and why.
type UnavailableError struct{ Why string }

func (e *UnavailableError) Error() string { return "no memory cgroup: " + e.Why }

// Group is a memory cgroup. Its methods are called by one goroutine at a time.
type Group struct {
	dir string
	fd  int
}

// New makes a cgroup directly below the root of the unified hierarchy, without limits. It needs root's rights. An
// *UnavailableError says that there can be none here; any other error is a fault of ours. Close removes it.
func New(name string) (*Group, error) {
	if mode := cgroups.Mode(); mode != cgroups.Unified {
		return nil, &UnavailableError{fmt.Sprintf("%s is no unified hierarchy (cgroup2)", mountPoint)}
	}
	if err := write(filepath.Join(mountPoint, "cgroup.subtree_control"), "+memory"); err != nil {
		return nil, &UnavailableError{fmt.Sprintf("the kernel has no memory controller (CONFIG_MEMCG): %v", err)}
	}
	return makeGroup(filepath.Join(mountPoint, name))
}

func makeGroup(dir string) (*Group, error) {
	if err := os.Mkdir(dir, 0o755); err != nil {
		return nil, fmt.Errorf("make memory cgroup: %w", err)
	}
	fd, err := unix.Open(dir, unix.O_DIRECTORY|unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open memory cgroup %s: %w", dir, err), os.Remove(dir))
	}
	return &Group{dir: dir, fd: fd}, nil
}

// Dir is the cgroup's folder.
func (g *Group) Dir() string { return g.dir }

// FD is a descriptor of the folder, for clone3(2) to start a process in it. It is valid until Close.
func (g *Group) FD() int { return g.fd }

// SetHigh sets memory.high in bytes: above it tasks are throttled and made to reclaim. A negative number is no limit.
func (g *Group) SetHigh(n int64) error { return g.set("memory.high", n) }

// SetMax sets memory.max in bytes: what cannot be reclaimed above it is killed for. A negative number is no limit. Setting it below
// what is used reclaims, and kills where that is not enough, before it returns.
func (g *Group) SetMax(n int64) error { return g.set("memory.max", n) }

func (g *Group) set(file string, n int64) error {
	value := "max"
	if n >= 0 {
		value = strconv.FormatInt(n, 10)
	}
	if err := write(filepath.Join(g.dir, file), value); err != nil {
		return fmt.Errorf("set %s: %w", file, err)
	}
	return nil
}

// Kills is how many processes of the group the kernel has killed for want of memory (oom_kill of memory.events).
func (g *Group) Kills() (int64, error) {
	text, err := os.ReadFile(filepath.Join(g.dir, "memory.events"))
	if err != nil {
		return 0, fmt.Errorf("count kills: %w", err)
	}
	return parseKills(string(text))
}

// parseKills reads memory.events, lines of a name and a number.
func parseKills(text string) (int64, error) {
	for line := range strings.Lines(text) {
		value, ok := strings.CutPrefix(line, "oom_kill ")
		if !ok {
			continue
		}
		n, err := strconv.ParseInt(strings.TrimSpace(value), 10, 64)
		if err != nil {
			return 0, fmt.Errorf("count kills in %q: %w", line, err)
		}
		return n, nil
	}
	return 0, errors.New("count kills: memory.events has no line oom_kill")
}

// removeTries bounds how often Close looks for the last process to be gone.
const removeTries = 200

// Close removes the group. Its processes must be about to end; one that does not end keeps the folder, and that is the error.
func (g *Group) Close() error {
	_ = unix.Close(g.fd)
	err := unix.Rmdir(g.dir)
	for i := 0; err == unix.EBUSY && i < removeTries; i++ {
		time.Sleep(5 * time.Millisecond)
		err = unix.Rmdir(g.dir)
	}
	if err != nil {
		return fmt.Errorf("remove memory cgroup %s: %w", g.dir, err)
	}
	return nil
}

// write hands a control file its value in one write(2).
func write(path, value string) error {
	fd, err := unix.Open(path, unix.O_WRONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("open %s: %w", path, err)
	}
	defer unix.Close(fd)
	if _, err := unix.Write(fd, []byte(value)); err != nil {
		return fmt.Errorf("write %s to %s: %w", value, path, err)
	}
	return nil
}
