package qemu

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// How long a guest gets to begin to answer, and how long a silence ends the answer. Under TCG a backtrace of every task takes seconds,
// but its lines follow each other closely.
const (
	answerLimit = 3 * time.Second
	silence     = 500 * time.Millisecond
	lookEvery   = 50 * time.Millisecond
)

// Diagnose finds out where a guest that does not answer is, as text for the evidence: the registers of every processor, then the kernel's own
// account by sysrq l and w (backtraces of all processors, blocked tasks), typed on the serial console behind a break. If the kernel does
// not take interrupts any more, an NMI makes it panic, which prints the backtrace and ends the machine; so Diagnose is for machines that are
// to be stopped anyway. ctx bounds the whole; what was found until then is returned.
func (vm *VM) Diagnose(ctx context.Context) string {
	var report strings.Builder
	fmt.Fprintf(&report, "registers:\n%s\n", vm.registers(ctx))
	if said := vm.sysrq(ctx, "lw"); said != "" {
		fmt.Fprintf(&report, "sysrq l, w:\n%s\n", said)
		return report.String()
	}
	report.WriteString("sysrq: the kernel does not take serial interrupts\n")
	mark := vm.console.position()
	if err := vm.QMP(ctx, "inject-nmi", nil, nil); err != nil {
		fmt.Fprintf(&report, "nmi: %v\n", err)
		return report.String()
	}
	fmt.Fprintf(&report, "nmi:\n%s\n", vm.answer(ctx, mark))
	return report.String()
}

func (vm *VM) registers(ctx context.Context) string {
	var text string
	arguments := map[string]string{"command-line": "info registers -a"}
	if err := vm.QMP(ctx, "human-monitor-command", arguments, &text); err != nil {
		return err.Error()
	}
	return strings.ReplaceAll(text, "\r", "")
}

// sysrq types each of keys behind a serial break and returns what the console said then.
func (vm *VM) sysrq(ctx context.Context, keys string) string {
	var said strings.Builder
	for _, key := range keys {
		mark := vm.console.position()
		if err := vm.QMP(ctx, "chardev-send-break", map[string]string{"id": "console"}, nil); err != nil {
			return said.String()
		}
		deadline, _ := ctx.Deadline()
		_ = vm.serial.SetWriteDeadline(deadline)
		if _, err := fmt.Fprintf(vm.serial, "%c", key); err != nil {
			return said.String()
		}
		said.WriteString(vm.answer(ctx, mark))
	}
	return said.String()
}

// answer collects what the console says after mark, until it falls silent.
func (vm *VM) answer(ctx context.Context, mark int64) string {
	look := time.NewTicker(lookEvery)
	defer look.Stop()
	began, last := time.Now(), mark
	changed := began
	for {
		select {
		case <-ctx.Done():
			return vm.console.since(mark)
		case <-vm.done:
			return vm.console.since(mark)
		case <-look.C:
		}
		if now := vm.console.position(); now != last {
			last, changed = now, time.Now()
		}
		patience := silence
		if last == mark {
			patience = answerLimit
		}
		if time.Since(changed) > patience {
			return vm.console.since(mark)
		}
	}
}
