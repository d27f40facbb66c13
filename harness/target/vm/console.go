package vm

import (
	"strconv"
	"strings"
	"sync"

	"github.com/iomapcheck/iomapcheck/harness/oops"
	"github.com/iomapcheck/iomapcheck/harness/wire"
)

// consoleKept bounds the console text kept in memory, in bytes.
const consoleKept = 4 << 20

// console keeps a machine's console text and finds in it what the kernel complains of. QEMU's reader writes to it; jobs read.
type console struct {
	mu       sync.Mutex
	text     []byte
	dropped  int // bytes that are no longer kept
	parser   *oops.Parser
	findings []oops.Finding
	// crashed is closed at the first finding of crash severity.
	crashed chan struct{}
	once    sync.Once
	// awaited is a line whose arrival closes heard.
	awaited string
	heard   chan struct{}
	// ahead is how far the times of the kernel's log are ahead of the guest's clock, in nanoseconds: the least of what the guest's
	// lines say, each of which was logged a little after the guest looked at its clock; nil before the first.
	ahead *int64
}

func newConsole() *console {
	return &console{parser: oops.NewParser(), crashed: make(chan struct{})}
}

// Write takes the raw text.
func (c *console) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.text = append(c.text, p...)
	if over := len(c.text) - consoleKept; over > 0 {
		c.text = append(c.text[:0], c.text[over:]...)
		c.dropped += over
	}
	return len(p), nil
}

// line takes a whole line for the parser.
func (c *console) line(text string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if ahead, ok := clockOf(text); ok && (c.ahead == nil || ahead < *c.ahead) {
		c.ahead = &ahead
	}
	if f := c.parser.Line(text); f != nil {
		c.found(*f)
	}
	if c.awaited != "" && strings.Contains(text, c.awaited) {
		c.awaited = ""
		close(c.heard)
	}
}

// clockOf reads a line by which the guest tells its clock: how far the log's own time is ahead of that.
func clockOf(line string) (ahead int64, ok bool) {
	_, text, found := strings.Cut(line, wire.ClockLine)
	logged, timed := oops.Time(line)
	now, err := strconv.ParseInt(strings.TrimSpace(text), 10, 64)
	return logged.Nanoseconds() - now, found && timed && err == nil
}

// when is the time of a finding on the guest's clock; otherwise where that is not known.
func (c *console) when(f oops.Finding, otherwise int64) int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ahead == nil || f.Time < 0 {
		return otherwise
	}
	return f.Time.Nanoseconds() - *c.ahead
}

// await returns a channel that is closed once a line with this text has been taken in. One line can be awaited at a time.
func (c *console) await(line string) <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.awaited, c.heard = line, make(chan struct{})
	return c.heard
}

// adopt takes over what another machine's console, of which this one's is a copy, has told of the clocks.
func (c *console) adopt(ahead *int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ahead = ahead
}

// clocks is what adopt takes.
func (c *console) clocks() *int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.ahead
}

// found keeps a finding. c.mu must be held.
func (c *console) found(f oops.Finding) {
	c.findings = append(c.findings, f)
	if f.Severity == oops.Crash {
		c.once.Do(func() { close(c.crashed) })
	}
}

// finish closes the parser: a report at the very end of the text is complete then.
func (c *console) finish() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, f := range c.parser.Close() {
		c.found(f)
	}
}

// mark is the present end of the text and of the findings.
func (c *console) mark() (text, findings int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.dropped + len(c.text), len(c.findings)
}

// since is the text and the findings from a mark on.
func (c *console) since(text, findings int) (string, []oops.Finding) {
	c.mu.Lock()
	defer c.mu.Unlock()
	from := max(0, text-c.dropped)
	return strings.ToValidUTF8(string(c.text[min(from, len(c.text)):]), "?"), append([]oops.Finding(nil), c.findings[findings:]...)
}
