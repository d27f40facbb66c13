package oops

import (
	"regexp"
	"strconv"
	"strings"
)

var (
	// reFrame is one line of a backtrace, with the address in front before 4.10; a question mark means that the unwinder only found the address on the stack.
	reFrame = regexp.MustCompile(`^(?:\s+\[<[0-9a-f]+>\] |\s*)(\? )?([A-Za-z_][\w.]*)\+0x[0-9a-f]+/0x[0-9a-f]+`)
	// reRIP is the instruction of the fault: x86 "RIP: 0010:f+0x1/0x2", arm64 "pc : f+0x1/0x2". RIP 0033 is user space.
	reRIP   = regexp.MustCompile(`^(?:RIP: 0010:|pc : )([A-Za-z_][\w.]*)\+0x`)
	reTrace = regexp.MustCompile(`^(Call [Tt]race:|Backtrace:)`)
	// reCPU is the line of dump_stack_print_info: "CPU: 0 UID: 0 PID: 12 Comm: a b Not tainted 6.12".
	reCPU = regexp.MustCompile(`^CPU: (\d+) (?:UID: \d+ )?PID: (\d+) Comm: (.*?)(?: Kdump:.*| Not tainted.*| Tainted:.*)?$`)
	// reClone is what the compiler appends to the name of a function that it has split or specialised.
	reClone = regexp.MustCompile(`\.(isra|part|constprop|cold|llvm)(\.\d+)?`)
)

// reRuntime are the functions that carry a report or a wait but are not to blame for it: what prints, checks, copies, locks and
// sleeps on behalf of its caller.
var reRuntime = regexp.MustCompile(`^(_*dump_(stack|backtrace).*|show_(stack|trace).*|print_.*|_*warn.*|__report_.*|report_bug|handle_bug|handle_exception|` +
	`panic|vpanic|nmi_panic|die|oops_end|page_fault_oops|bad_area.*|do_error_trap|fixup_exception|exc_.*|asm_.*|do_user_addr_fault|` +
	`sysrq_handle_crash|` +
	`kasan_.*|__kasan_.*|__asan_.*|kcsan_.*|__kcsan_.*|__tsan_.*|kfence_.*|__ubsan_.*|ubsan_.*|check_region_inline|` +
	`kmem_cache_.*|_*kmalloc.*|_*kfree.*|slab_.*|debug_check_no_.*|lockdep_.*|lock_acquire.*|lock_release|__lock_acquire|check_noncircular|check_prev.*|validate_chain|mark_lock.*|_*might_.*|_*schedule_bug|bad_page|free_page_is_bad.*|` +
	`_*raw_(spin|read|write)_.*|queued_(spin|read|write)_.*|native_queued_.*|do_raw_.*|__pv_queued_.*|` +
	`_*mutex_.*|_*rt_mutex.*|rwsem_.*|down_(read|write).*|_*down.*|percpu_down.*|__percpu_.*|` +
	`_*schedule.*|io_schedule.*|preempt_schedule.*|wait_for_completion.*|__wait_for_.*|do_wait_for_common|bit_wait.*|__wait_on_bit.*|` +
	`out_of_line_wait.*|folio_wait_bit.*|__folio_lock.*|__lock_page.*|wait_on_page_bit.*|` +
	`refcount_warn_saturate|__list_(add|del).*|list_(add|del)_.*|usercopy_abort|__check_object_size|__check_heap_object|` +
	`_*mem(cpy|set|move|cmp).*|rep_(movs|stos).*|_*copy_(to|from)_user.*|copy_user_.*|clear_user.*|` +
	`assfail|asswarn|xfs_error_report|xfs_corruption_error|gfs2_(withdraw|lm|assert_.*|consist_.*|meta_check_ii|io_error_.*)|` +
	`rcu_.*|watchdog.*|nmi_.*|do_syscall_.*|x64_sys_call|entry_.*|el0_.*|ret_from_fork.*)$`)

// frame returns the function of a backtrace line, "" if the line is none or the unwinder is not sure of it.
func frame(body string) string {
	m := reFrame.FindStringSubmatch(body)
	if m == nil || m[1] != "" {
		return ""
	}
	return function(m[2])
}

// function strips the compiler's suffixes from a symbol.
func function(symbol string) string { return reClone.ReplaceAllString(symbol, "") }

// culprit returns the first function that is not of the runtime, and the innermost if all are.
func culprit(functions []string) string {
	for _, f := range functions {
		if !reRuntime.MatchString(f) {
			return f
		}
	}
	if len(functions) > 0 {
		return functions[0]
	}
	return ""
}

// setTask notes the processor and task of a dump_stack_print_info line, if it is the first.
func (f *Finding) setTask(body string) {
	if m := reCPU.FindStringSubmatch(body); m != nil && (f.Comm == "" || f.PID == 0 && f.Comm == m[3]) {
		f.CPU, f.PID, f.Comm = number(m[1]), number(m[2]), m[3]
	}
}

// number returns the decimal number, 0 if it is none or too large.
func number(s string) int {
	n, err := strconv.Atoi(s)
	if err != nil {
		return 0
	}
	return n
}

// reDetail is what varies between two reports of one problem.
var reDetail = regexp.MustCompile(`\b0x[0-9a-f]+\b|\b[0-9a-f]{8,}\b|\b\d+\b`)

// stable replaces what varies in a message, for use in a title.
func stable(message string) string {
	const most = 100
	s := strings.TrimSpace(reDetail.ReplaceAllString(message, "N"))
	if len(s) > most {
		s = strings.ToValidUTF8(s[:most], "") + "…"
	}
	return s
}
