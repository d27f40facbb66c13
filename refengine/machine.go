package refengine

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/iomapcheck/iomapcheck/refengine/block"
	"github.com/iomapcheck/iomapcheck/refengine/errno"
	"github.com/iomapcheck/iomapcheck/refengine/fs"
	"github.com/iomapcheck/iomapcheck/refengine/iomap"
	"github.com/iomapcheck/iomapcheck/refengine/mm"
	"github.com/iomapcheck/iomapcheck/refengine/mutant"
	"github.com/iomapcheck/iomapcheck/refengine/sched"
	"github.com/iomapcheck/iomapcheck/refengine/trace"
)

// Errno is a Linux error number, errno.OK for success. The numbers are in package errno.
type Errno = errno.Errno

// Event is something that happened inside the engine, under its kernel tracepoint's name; the names are in package trace.
type Event = trace.Event

// Config says what kind of machine to make. The zero value of every field but FS means its default.
type Config struct {
	FS         string          // one of fs.Names
	FSOptions  fs.Options      // mkfs and mount options that change the paths
	BlockSize  int64           // filesystem block size in bytes, a power of two from 512 to the folio size; default 4096
	FolioOrder uint8           // order of new folios: 0 for single pages
	DiskSize   int64           // bytes; default 1 GiB, of which only what is written takes memory
	CountSpace bool            // hold reservations against the free space, for FillDisk
	Memory     Memory          // the memory cgroup that the tasks run in
	Mutants    mutant.Set      // historic bugs switched on, and sides taken, which overrule Behaviour
	Release    string          // kernel release whose behaviour is modelled, "6.12" by default
	Behaviour  iomap.Behaviour // which side of the kernel developers' arguments to take
	Trace      func(Event)     // told of every event, in order; must not enter the scheduler
}

const (
	defaultBlockSize = 4096
	defaultDiskSize  = 1 << 30
	defaultRelease   = "6.12"
)

// Machine is a simulated kernel with one mounted filesystem. It belongs to one execution of one scheduler; make a new one
// for each. Its state changes only in steps of that scheduler's tasks, so nothing in it is locked but by simulated locks.
type Machine struct {
	s      *sched.Sched
	disk   *block.Disk
	sb     *iomap.Super
	fs     fs.Filesystem
	memcg  *mm.Memcg      // nil without limits
	dax    bool           // new files are DAX
	inodes []*iomap.Inode // in the order of their creation
	dir    sched.ObjID    // stands for inodes: the only directory
	spaces map[int]*mm.Space
	vmas   map[vmaKey]*mm.VMA
	// ballast is the space that FillDisk took, nil if it did not.
	ballast []block.Range
	// fileLimits are the tasks' RLIMIT_FSIZE, in bytes, by the task's ID; a task without one has no limit.
	fileLimits map[int]int64
}

// vmaKey names the mapping of a file in a task's address space.
type vmaKey struct {
	task int
	ino  *iomap.Inode
}

// New makes a machine with an empty filesystem. An error says which part of the configuration cannot be had.
func New(s *sched.Sched, c Config) (*Machine, error) {
	if err := c.complete(); err != nil {
		return nil, err
	}
	release, err := parseRelease(c.Release)
	if err != nil {
		return nil, err
	}
	kind, err := fs.New(c.FS, c.FSOptions)
	if err != nil {
		return nil, err
	}
	m := &Machine{s: s, fs: kind, disk: block.New(s, c.DiskSize), spaces: map[int]*mm.Space{}, vmas: map[vmaKey]*mm.VMA{}, fileLimits: map[int]int64{}}
	m.sb = &iomap.Super{
		Sched: s, Disk: m.disk, BlockSize: c.BlockSize, FolioOrder: c.FolioOrder, Release: release,
		CountsSpace: c.CountSpace, Mutants: c.Mutants, Behaviour: takeSides(c.Behaviour, c.Mutants), Trace: c.Trace,
	}
	if err := m.initMemory(c); err != nil {
		return nil, err
	}
	m.sb.Init()
	m.dir = s.NewObj(sched.Label{Class: "directory"})
	return m, nil
}

func (c *Config) complete() error {
	if c.BlockSize == 0 {
		c.BlockSize = defaultBlockSize
	}
	if c.DiskSize == 0 {
		c.DiskSize = defaultDiskSize
	}
	if c.Release == "" {
		c.Release = defaultRelease
	}
	bs := c.BlockSize
	if bs < iomap.SectorSize || bs > mm.PageSize<<c.FolioOrder || bs&(bs-1) != 0 {
		return fmt.Errorf("make machine: block size %d is not a power of two from %d to %d, the folio size",
			bs, iomap.SectorSize, mm.PageSize<<c.FolioOrder)
	}
	return nil
}

// parseRelease turns "6.12" or "6.12.117" into what releases are compared by.
func parseRelease(r string) (iomap.Version, error) {
	parts := strings.Split(r, ".")
	if len(parts) < 2 {
		return 0, fmt.Errorf("parse kernel release %q: want major.minor", r)
	}
	major, err := strconv.Atoi(parts[0])
	if err != nil {
		return 0, fmt.Errorf("parse kernel release %q: %w", r, err)
	}
	minor, err := strconv.Atoi(parts[1])
	if err != nil {
		return 0, fmt.Errorf("parse kernel release %q: %w", r, err)
	}
	return iomap.Version(major*100 + minor), nil
}

// Disk returns the machine's disk, with its controls.
func (m *Machine) Disk() *block.Disk { return m.disk }

// Filesystem returns the name of the mounted filesystem.
func (m *Machine) Filesystem() string { return m.fs.Name() }

// DropCaches removes what is clean, unlocked and unmapped from every file's cache (/proc/sys/vm/drop_caches).
func (m *Machine) DropCaches(t *sched.Task) {
	t.Reads(m.dir)
	for _, ino := range m.inodes {
		ino.Mapping.InvalidateMappingPages(t, 0, mm.EOF)
	}
}

// Remount unmounts and mounts the filesystem: everything is written back, every cache is dropped, every mapping is gone, and what
// is read next comes from the disk. Open files stay usable, as if they had been opened again. The caller sees to it that no other
// task uses the filesystem meanwhile. It returns the first writeback error.
func (m *Machine) Remount(t *sched.Task) Errno {
	m.EmptyDisk(t)
	first := errno.OK
	for _, ino := range m.inodes {
		ino.DioWait(t)
		if err := ino.Mapping.WriteAndWaitRange(t, 0, mm.EOF); first == errno.OK {
			first = err
		}
		m.fs.Drain(t, ino)
		ino.Reload(t)
	}
	clear(m.vmas)
	return first
}

// AwaitBlocked waits until another task is blocked for good: nothing else can run, or it has been blocked without a break for
// thousands of others' steps. It returns what the task waits for: "inode_dio_wait", "i_rwsem", "folio lock 3". false says that the
// task ended instead.
func (m *Machine) AwaitBlocked(t, other *sched.Task) (string, bool) {
	op, blocked := t.AwaitBlocked(other)
	if !blocked {
		return "", false
	}
	return m.waitName(op), true
}

func (m *Machine) waitName(op sched.Op) string {
	if l := m.s.Label(op.Obj); l.Class != "" {
		return l.Short()
	}
	return op.Name
}
