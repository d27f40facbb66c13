package exec

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
)

// thread is what /proc tells of one thread at a moment.
type thread struct {
	// there: it exists and is no zombie.
	there, asleep bool
	// switches is how often it was switched away from; equal if it was not in between.
	switches string
}

// lookAt looks at a thread without a reference on its memory: whoever drops the last one of those ends that memory, and sleeps in exit_aio until
// the process's asynchronous requests are answered. A reader of /proc/PID/status (or stat) takes one, and was seen asleep there in the stead of a
// task that had just been killed (proc_pid_status: get_task_mm, mmput). syscall and sched take none.
func lookAt(pid, tid int) thread {
	call, err := os.ReadFile(threadFile(pid, tid, "syscall"))
	if err != nil {
		return byStatus(pid, tid)
	}
	counts, err := os.ReadFile(threadFile(pid, tid, "sched"))
	if err != nil {
		return byStatus(pid, tid)
	}
	t := thread{there: true, switches: field(counts, "nr_switches")}
	switch string(bytes.TrimSpace(call)) {
	case "-1 0x0 0x0": // it has no stack any more (task_current_syscall)
		t.there = false
	case "running":
	default:
		t.asleep = true
	}
	return t
}

// byStatus is for kernels without SCHED_DEBUG, and for who may not trace the process.
func byStatus(pid, tid int) thread {
	status, err := os.ReadFile(threadFile(pid, tid, "status"))
	state := field(status, "State:")
	if err != nil || state == "" {
		return thread{}
	}
	return thread{
		there:    !strings.ContainsAny(state[:1], "ZX"),
		asleep:   strings.ContainsAny(state[:1], "SD"),
		switches: field(status, "voluntary_ctxt_switches:") + "/" + field(status, "nonvoluntary_ctxt_switches:"),
	}
}

// taskFile is a file of /proc that tells of the task.
func taskFile(p *proc, name string) string {
	return threadFile(p.process.Pid, livingThread(p), name)
}

func threadFile(pid, tid int, name string) string {
	return fmt.Sprintf("/proc/%d/task/%d/%s", pid, tid, name)
}

// livingThread is the task's own thread; or, where that has died of a signal, the one that is still ending the process: the last one does what
// there is to do, whichever it is (exit_mm → exit_aio).
func livingThread(p *proc) int {
	pid := p.process.Pid
	if lookAt(pid, p.tid).there {
		return p.tid
	}
	others, _ := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid)) // none where the process is gone
	for _, t := range others {
		if tid, err := strconv.Atoi(t.Name()); err == nil && lookAt(pid, tid).there {
			return tid
		}
	}
	return p.tid
}

// field is the value of a line of a /proc file.
func field(text []byte, name string) string {
	for line := range bytes.Lines(text) {
		if v, ok := bytes.CutPrefix(line, []byte(name)); ok {
			return string(bytes.TrimSpace(v))
		}
	}
	return ""
}
