package guest

import (
	"fmt"
	"os"
	"strings"

	"github.com/iomapcheck/iomapcheck/harness/history"
)

// misbehave does what a self-test asks for; those that never end go on beside the job.
func (a *agent) misbehave(how string) error {
	switch how {
	case "flood-console":
		go floodConsole()
	case "flood-events":
		go func() {
			for {
				a.emit(history.Event{Kind: history.Note, Op: -1, Name: "flood", Text: strings.Repeat("x", 64<<10)})
			}
		}()
	case "garbage":
		return a.garbage("\x00\xff{\"event\": not JSON\n")
	case "endless-line":
		const longerThanAnyMessage = 8 << 20
		go func() { _ = a.garbage(strings.Repeat("x", longerThanAnyMessage)) }() // the host hangs up in the middle
	default:
		return selfTest(how)
	}
	return nil
}

// garbage writes to the port what is no message. It may come in the middle of one, as a broken guest's would.
func (a *agent) garbage(text string) error { return a.conn.SendRaw([]byte(text)) }

// floodConsole writes to the kernel's log without end; it has no limit for what is written to /dev/kmsg by then.
func floodConsole() {
	_ = os.WriteFile("/proc/sys/kernel/printk_devkmsg", []byte("on"), 0) // older kernels keep their limit, and are flooded less
	log, err := os.OpenFile("/dev/kmsg", os.O_WRONLY, 0)
	if err != nil {
		fmt.Fprintln(os.Stderr, "flood:", err)
		return
	}
	for line := []byte("<4>" + strings.Repeat("flood ", 100) + "\n"); ; {
		_, _ = log.Write(line)
	}
}
