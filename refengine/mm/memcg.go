package mm

import (
	"fmt"
	"slices"
	"strings"

	"github.com/iomapcheck/iomapcheck/refengine/errno"
	"github.com/iomapcheck/iomapcheck/refengine/sched"
	"github.com/iomapcheck/iomapcheck/refengine/trace"
)

// Unlimited is a limit that is never reached.
const Unlimited = int64(1) << 40

// maxReclaimRetries is how often a charge reclaims before it gives up (MAX_RECLAIM_RETRIES).
const maxReclaimRetries = 16

// Memcg is the memory cgroup of the program's tasks; analogous to struct mem_cgroup. All amounts are in pages. Its state
// changes between two scheduling points, as the kernel's page counters are atomic. A nil Memcg limits nothing, and costs no
// scheduling point.
type Memcg struct {
	High int64 // memory.high: usage above it is reclaimed when a system call or a fault ends
	Max  int64 // memory.max: a charge that would exceed it reclaims first, and is refused if that does not help
	// DirtyLimit is how many pages may be dirty or written back before whoever dirties more must wait for writeback
	// (balance_dirty_pages: the cgroup's dirty threshold).
	DirtyLimit int64

	s         *sched.Sched
	obj       sched.ObjID // stands for usage and the LRU
	sink      trace.Sink
	usage     int64
	lru       []*Folio // the cgroup's folios, oldest first
	dirty     int64
	writeback int64
	added     sched.WaitQueue // woken when the LRU grows or reclaimers are to stop
	killed    []*sched.Task   // OOM victims
	events    Events
}

// Events counts what became of the limits; analogous to memory.events and the counters of memory.stat.
type Events struct {
	High  int // reclaim because of High
	Max   int // reclaim because of Max
	OOM   int // charges refused
	Scan  int // pages that reclaim looked at
	Steal int // pages reclaimed
}

// String is the counters on one line, without those that are 0.
func (e Events) String() string {
	var parts []string
	for _, c := range []struct {
		n    int
		what string
	}{{e.Scan, "pages scanned"}, {e.Steal, "stolen"}, {e.High, "times over memory.high"}, {e.Max, "times at memory.max"}, {e.OOM, "charges refused"}} {
		if c.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", c.n, c.what))
		}
	}
	if parts == nil {
		return "nothing was counted"
	}
	return strings.Join(parts, ", ")
}

// NewMemcg returns a cgroup without limits.
func NewMemcg(s *sched.Sched, sink trace.Sink) *Memcg {
	c := &Memcg{High: Unlimited, Max: Unlimited, DirtyLimit: Unlimited, s: s, sink: sink}
	c.obj = s.NewObj(sched.Label{Class: "memcg"})
	c.added.Init(s, sched.Label{Class: "memcg lru"})
	return c
}

// Usage returns how many pages are charged (memory.current).
func (c *Memcg) Usage(t *sched.Task) int64 {
	t.Reads(c.obj)
	return c.usage
}

// Events returns the counters.
func (c *Memcg) Events() Events { return c.events }

// SetMax changes memory.max, reclaiming what is above it as far as it can be (memory_max_write).
func (c *Memcg) SetMax(t *sched.Task, pages int64) {
	t.Step("memory_max_write", c.obj)
	c.Max = pages
	for n := 0; c.Usage(t) > c.Max && n < maxReclaimRetries; n++ {
		c.events.Max++
		c.shrink(t, c.usage-c.Max)
	}
}

// SetHigh changes memory.high, reclaiming what is above it as far as it can be (memory_high_write).
func (c *Memcg) SetHigh(t *sched.Task, pages int64) {
	t.Step("memory_high_write", c.obj)
	c.High = pages
	c.HandleOverHigh(t)
}

// HandleOverHigh reclaims what is above High (mem_cgroup_handle_over_high): at the end of a system call, or of a fault.
func (c *Memcg) HandleOverHigh(t *sched.Task) {
	if c == nil || c.Usage(t) <= c.High {
		return
	}
	c.events.High++
	c.shrink(t, c.usage-c.High)
}

// charge accounts for new pages (try_charge_memcg): above Max it reclaims first, as long as that gets anywhere. ENOMEM says that nothing
// more could be reclaimed, time and again; the task that asked is killed.
func (c *Memcg) charge(t *sched.Task, pages int64) errno.Errno {
	if c == nil {
		return errno.OK
	}
	for vain := 0; c.Usage(t)+pages > c.Max; {
		if vain == maxReclaimRetries {
			c.oom(t)
			return errno.ENOMEM
		}
		c.events.Max++
		if c.shrink(t, c.usage+pages-c.Max) > 0 || c.Usage(t)+pages <= c.Max {
			continue
		}
		vain++
		if !c.waitWriteback(t) {
			t.Sleep(reclaimPause) // others may be about to unlock folios, or to give memory back
		}
	}
	t.Writes(c.obj)
	c.usage += pages
	return errno.OK
}

// chargeSpare is charge for what nobody has asked for yet (__GFP_NORETRY): it reclaims once, and gives up without a victim.
func (c *Memcg) chargeSpare(t *sched.Task, pages int64) errno.Errno {
	if c == nil {
		return errno.OK
	}
	if over := c.Usage(t) + pages - c.Max; over > 0 {
		c.events.Max++
		c.shrink(t, over)
	}
	if c.Usage(t)+pages > c.Max {
		return errno.ENOMEM
	}
	t.Writes(c.obj)
	c.usage += pages
	return errno.OK
}

// Hog charges anonymous pages one by one, as a task does that touches them, and gives them back (do_anonymous_page, zap_pte_range).
// Without swap nothing can be done about them but to take files' pages. ENOMEM says that the task was killed for them.
func (c *Memcg) Hog(t *sched.Task, pages int64) errno.Errno {
	if c == nil {
		return errno.EOPNOTSUPP
	}
	var got int64
	defer func() { c.uncharge(t, got) }()
	for ; got < pages; got++ {
		if err := c.charge(t, 1); err != errno.OK {
			return err
		}
		c.HandleOverHigh(t)
	}
	return errno.OK
}

// uncharge gives pages back.
func (c *Memcg) uncharge(t *sched.Task, pages int64) {
	if c == nil {
		return
	}
	t.Writes(c.obj)
	c.usage -= pages
}

// oom kills the task whose charge failed, as with oom_kill_allocating_task (mem_cgroup_out_of_memory): it ends when it
// is next in user space.
func (c *Memcg) oom(t *sched.Task) {
	c.events.OOM++
	if c.Killed(t) {
		return
	}
	c.killed = append(c.killed, t)
	if c.sink != nil {
		c.sink(trace.Event{Name: trace.MarkVictim, Task: t.Name(), Step: c.s.Steps()})
	}
}

// Killed says whether the task is an OOM victim: it runs no user code any more.
func (c *Memcg) Killed(t *sched.Task) bool { return c != nil && slices.Contains(c.killed, t) }

// lruAdd puts a charged folio on the LRU (folio_add_lru).
func (c *Memcg) lruAdd(t *sched.Task, f *Folio) {
	if c == nil {
		return
	}
	t.Writes(c.obj)
	t.Writes(c.added.Obj())
	c.lru = append(c.lru, f)
	c.added.Wake()
}

// lruRemove takes a folio that has left the cache off the LRU and uncharges it.
func (c *Memcg) lruRemove(t *sched.Task, f *Folio) {
	if c == nil {
		return
	}
	c.uncharge(t, 1<<f.Order)
	if n := slices.Index(c.lru, f); n >= 0 {
		c.lru = slices.Delete(c.lru, n, n+1)
	}
}

// account keeps count of dirty pages and of pages being written.
func (c *Memcg) account(t *sched.Task, dirty, writeback int64) {
	if c == nil {
		return
	}
	t.Writes(c.obj)
	c.dirty += dirty
	c.writeback += writeback
}
