package exec

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/iomapcheck/iomapcheck/harness/history"
	"github.com/iomapcheck/iomapcheck/harness/prog"
)

// Memory is the memory cgroup that the program's tasks are in. Its methods may be called by several goroutines, one at a time.
type Memory interface {
	// Dir is the cgroup's folder.
	Dir() string
	// FD is a descriptor of the folder, for clone3(2) to start a process in it.
	FD() int
	// SetHigh and SetMax set memory.high and memory.max, in bytes; a negative number is no limit.
	SetHigh(n int64) error
	SetMax(n int64) error
	// Kills is how many processes of the cgroup the kernel has killed for want of memory.
	Kills() (int64, error)
	// Counted is how many pages reclaim has taken from the cgroup, and on one line all that the kernel has counted in it.
	Counted() (taken int64, all string, err error)
}

// OOMKilled is the name of the note that says that the kernel killed a task for want of memory; Op is the operation it was
// in, -1 for none.
const OOMKilled = "oom-killed"

// killed is the errno of an operation in which the kernel killed the task for want of memory.
const killed = "SIGKILL"

var errNoMemory = errors.New("the run has no memory cgroup")

// limit carries out memory high and memory max, and does so again whenever a task's process has come: what the program states is for
// what it has in memory; what the processes themselves need comes on top.
func (c *conductor) limit(op prog.Op) error {
	if c.env.Memory == nil {
		return errNoMemory
	}
	c.memory.Lock()
	defer c.memory.Unlock()
	if op.Verb == prog.VMemoryHigh {
		c.high = op.Len
	} else {
		c.max = op.Len
	}
	return c.applyLocked()
}

// makeRoom raises the limits by what a process needs that has just become ready: it has done nothing of the program yet, so that
// all of its memory is its own.
func (c *conductor) makeRoom(p *proc) error {
	if c.env.Memory == nil || p.key == finalKey {
		return nil
	}
	c.memory.Lock()
	defer c.memory.Unlock()
	if c.own == nil {
		c.own = map[string]int64{}
	}
	if !p.thread {
		c.own[p.key] = anonymous(p) + allowance
	}
	return c.applyLocked()
}

// applyLocked sets both limits. c.memory must be held.
func (c *conductor) applyLocked() error {
	own := c.processMemory()
	with := func(n int64) int64 {
		if n == prog.NoLimit {
			return n
		}
		return n + own
	}
	return errors.Join(c.env.Memory.SetHigh(with(c.high)), c.env.Memory.SetMax(with(c.max)))
}

// allowance is what a process needs beyond its anonymous memory, in bytes: page tables, kernel stacks, and what it allocates to report.
const allowance = 1 << 20

// processMemory is what the tasks' processes need for themselves, in bytes. c.memory must be held.
func (c *conductor) processMemory() int64 {
	var sum int64
	for key, n := range c.own {
		if !c.hasEnded(key) {
			sum += n
		}
	}
	return sum
}

// anonymous is the anonymous memory of a task's process, in bytes; 0 for one that is gone.
func anonymous(p *proc) int64 {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.process.Pid))
	if err != nil {
		return 0
	}
	kib, _ := strconv.ParseInt(strings.TrimSuffix(field(status, "RssAnon:"), " kB"), 10, 64)
	return kib << 10
}

// unlimited takes the limits away, so that tasks can end and files be read, and reports what the cgroup has counted until then.
func (c *conductor) unlimited(context.Context) error {
	if c.env.Memory == nil {
		return nil
	}
	if err := c.reportMemory(); err != nil {
		return err
	}
	c.memory.Lock()
	defer c.memory.Unlock()
	c.high, c.max = prog.NoLimit, prog.NoLimit
	return c.applyLocked()
}

// reportMemory emits what the kernel has counted in the cgroup.
func (c *conductor) reportMemory() error {
	if c.env.Memory == nil {
		return nil
	}
	c.memory.Lock()
	taken, all, err := c.env.Memory.Counted()
	c.memory.Unlock()
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.env.Emit(history.Event{Kind: history.Note, Time: now(), Op: -1, Name: history.MemoryPressure, N: taken, Text: all})
	return nil
}

// sysProcAttr starts a task's process in the cgroup. The process that reads every file at the end is not the program's.
func (c *conductor) sysProcAttr(p *proc) *unix.SysProcAttr {
	attr := &unix.SysProcAttr{Pdeathsig: unix.SIGKILL}
	if c.env.Memory != nil && p.key != finalKey {
		attr.UseCgroupFD, attr.CgroupFD = true, c.env.Memory.FD()
	}
	return attr
}

// offer makes a task that is let go the kernel's first choice where memory is short: before those that are only prepared, and before
// main, which conducts the program.
func (c *conductor) offer(p *proc) {
	if c.env.Memory == nil || p.thread || p.key == "main" || p.key == finalKey {
		return
	}
	// Without it the kernel chooses as it likes.
	_ = os.WriteFile(fmt.Sprintf("/proc/%d/oom_score_adj", p.process.Pid), []byte("500"), 0)
}

// wasOOM says whether a process that is gone was killed for want of memory. Each kill that the cgroup counts explains one.
func (c *conductor) wasOOM() bool {
	if c.env.Memory == nil {
		return false
	}
	c.memory.Lock()
	defer c.memory.Unlock()
	n, err := c.env.Memory.Kills()
	if err != nil || n <= c.kills {
		return false
	}
	c.kills++
	return true
}

// taskKilled reports a task that the kernel killed for want of memory: the operation that it was in returns SIGKILL.
func (c *conductor) taskKilled(p *proc) {
	c.mu.Lock()
	op := c.ops[p.key]
	c.mu.Unlock()
	note := history.Event{Kind: history.Note, Time: now(), Task: p.task, Op: -1, Name: OOMKilled, Text: "the kernel killed the task for want of memory"}
	if op.open {
		note.Op, note.Iter = op.event.Op, op.event.Iter
		c.emit(p, history.Event{Kind: history.Return, Time: note.Time, Task: p.task, Op: note.Op, Iter: note.Iter, Errno: killed})
	}
	c.emit(p, note)
}
