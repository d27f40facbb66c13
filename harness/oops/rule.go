package oops

import "regexp"

// rule recognises the first line of a kind of report.
type rule struct {
	kind Kind
	head *regexp.Regexp
	// title is the title up to the function: " in F" is appended if a function is known. "$1" stands for the first group of
	// head, made stable.
	title string
	// groups names what the other groups of head are.
	groups groups
	// single reports have one line.
	single bool
	// followed: a backtrace follows at once, or none does.
	followed bool
	// held: the function is the one that took the first lock that is held; there is no backtrace.
	held bool
	// joins: the line may also be a part of an oops or BUG that has just begun.
	joins bool
	// end is the last line of the report, nil if only the stack ends it.
	end *regexp.Regexp
	// ready is the line before which the stack does not end the report; nil if it always does.
	ready *regexp.Regexp
}

// groups are the numbers of the groups of a head that carry a function, a task, its PID and a processor; 0 for none.
type groups struct{ function, comm, pid, cpu int }

var (
	reEndTrace = regexp.MustCompile(`^---\[ end trace`)
	reEndPanic = regexp.MustCompile(`^---\[ end Kernel panic`)
	reRuler    = regexp.MustCompile(`^={20,}$`)
	reEndTask  = regexp.MustCompile(`^\s*</TASK>`)
)

// rules are all rules in the order in which they are tried: what is special stands before what is general. The texts are
// those of Linux 5.10 to 7.x, on x86 and in part on arm64.
var rules = append(crashRules(), filesystemRules()...)

func rx(expr string) *regexp.Regexp { return regexp.MustCompile(expr) }

func crashRules() []rule {
	return append(checkerRules(),
		rule{kind: Panic, head: rx(`^Kernel panic - not syncing: (.*)`), title: "kernel panic: $1", end: reEndPanic},
		rule{kind: Bug, head: rx(`^kernel BUG at `), title: "BUG", end: reEndTrace},
		rule{kind: Warning, head: rx(`^WARNING: CPU: (\d+) PID: (\d+) at \S+(?: ([A-Za-z_][\w.]*)\+0x.*)?$`), title: "WARNING",
			groups: groups{cpu: 1, pid: 2, function: 3}, end: reEndTrace},
		// The spelling since 6.18.
		rule{kind: Warning, head: rx(`^WARNING: \S+:\d+ at ([A-Za-z_][\w.]*)\+0x[^,]*, CPU#(\d+): (.*)/(\d+)$`), title: "WARNING",
			groups: groups{function: 1, cpu: 2, comm: 3, pid: 4}, end: reEndTrace},
		rule{kind: Oops, head: rx(`^BUG: kernel (NULL pointer dereference), address`), title: "$1", end: reEndTrace},
		rule{kind: Oops, head: rx(`^BUG: (unable to handle (?:page fault|kernel .*?))(?: for| at|,|$)`), title: "$1", end: reEndTrace},
		rule{kind: Oops, head: rx(`^(?:Unable|unable) to handle (kernel .*?) at `), title: "unable to handle $1", end: reEndTrace},
		rule{kind: Oops, head: rx(`^(?:Oops: )?([a-z][a-z ]+)(?:, .*)?: [0-9a-f]{4} \[#\d+\]`), title: "$1", end: reEndTrace, joins: true},
		rule{kind: Oops, head: rx(`^(?:traps: )?PANIC: (double fault)`), title: "$1", end: reEndTrace},
		rule{kind: Oops, head: rx(`^(?:Internal error: )?(Oops)(?::| -)`), title: "$1", end: reEndTrace, joins: true},
		rule{kind: Bug, head: rx(`^BUG: scheduling while atomic: (.*)/(\d+)/0x`), title: "BUG: scheduling while atomic",
			groups: groups{comm: 1, pid: 2}, end: reEndTask},
		rule{kind: Bug, head: rx(`^BUG: (sleeping function called from invalid context)`), title: "BUG: $1", end: reEndTask},
		rule{kind: Bug, head: rx(`^BUG: (.*?)(?: in process (\S+))?(?:  pfn:.*)?$`), title: "BUG: $1", groups: groups{comm: 2}, end: reEndTask},
	)
}

// checkerRules are the reports of what watches the kernel at work.
func checkerRules() []rule {
	const lockdep = `possible (?:circular|recursive) locking(?: dependency)? detected|possible irq lock inversion dependency detected|` +
		`inconsistent lock state|suspicious RCU usage|bad unlock balance detected|held lock freed|` +
		`\S+-safe -> \S+-unsafe lock order detected|Nested lock was not taken|` +
		`possible bad ww_mutex|Invalid wait context|key .* has not been registered`
	return []rule{
		{kind: KASAN, head: rx(`^BUG: ((?:KASAN|KFENCE|KMSAN): .*?) in ([A-Za-z_][\w.]*)`), title: "$1", groups: groups{function: 2}, end: reRuler},
		{kind: KASAN, head: rx(`^BUG: ((?:KASAN|KFENCE|KMSAN): .*)`), title: "$1", end: reRuler},
		{kind: KCSAN, head: rx(`^BUG: (KCSAN: .*)`), title: "$1", end: reRuler},
		{kind: UBSAN, head: rx(`^(UBSAN: .*?) in `), title: "$1", end: rx(`^={20,}$|^---\[ end trace`)},
		{kind: Lockdep, head: rx(`^(?:WARNING: |\[ BUG: )(lock held when returning to user space)`), title: "lockdep: $1", held: true, end: rx(`^ #0: `)},
		{kind: Lockdep, head: rx(`^(?:WARNING: |\[ BUG: |BUG: )(` + lockdep + `)`), title: "lockdep: $1", end: reEndTask,
			ready: rx(`^stack backtrace:`)},
		{kind: Lockup, head: rx(`^(?:watchdog: )?BUG: (soft lockup) - CPU#(\d+) stuck for \d+s! \[(.*):(\d+)\]`), title: "$1",
			groups: groups{cpu: 2, comm: 3, pid: 4}, end: reEndTask},
		{kind: Lockup, head: rx(`^(?:NMI )?(?:watchdog: )?(?:CPU\d+: )?Watchdog detected hard LOCKUP on cpu (\d+)`), title: "hard lockup",
			groups: groups{cpu: 1}, end: reEndTask},
		{kind: Lockup, head: rx(`^BUG: (workqueue lockup)`), title: "$1", single: true},
		{kind: RCUStall, head: rx(`^(?:rcu: )?INFO: \S+ (?:self-)?detected (?:expedited )?stalls? on (?:CPU|tasks)`), title: "rcu stall", end: reEndTask,
			// The stack of RCU's own thread may come first; the one of the processor that does not let it run follows.
			ready: rx(`^(?:CPU: |NMI backtrace for|Sending NMI)`)},
		{kind: HungTask, head: rx(`^INFO: task (.*):(\d+) blocked .*for more than \d+ seconds`), title: "hung task",
			groups: groups{comm: 1, pid: 2}, end: reEndTask},
	}
}

// suppressed are lines that look like a report's beginning or part and mean nothing, with the reason beside each.
var suppressed = []*regexp.Regexp{
	// lockdep switches itself off after its first report: that report is what counts.
	rx(`^INFO: lockdep is turned off`),
	// A guest under TCG, or on a busy host, loses time; the kernel chooses another clock and goes on.
	rx(`^clocksource: `),
	rx(`^hrtimer: interrupt took `),
	// The scheduler's and the perf subsystem's complaints about a slow machine.
	rx(`^perf: interrupt took too long`),
	rx(`^workqueue: .* hogged CPU for `),
	rx(`^INFO: NMI handler .* took too long to run`),
	// lockdep's tables are full: it checks nothing any more, which is no fault of what it checked.
	rx(`^BUG: MAX_(?:LOCKDEP_\w+|LOCK_DEPTH|STACK_TRACE_ENTRIES) too low!`),
}
