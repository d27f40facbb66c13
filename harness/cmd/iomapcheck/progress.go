package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// progress keeps one line at the bottom of a terminal that says what is being done, and for how long. It uses no colour and no
// escape sequence, so that NO_COLOR changes nothing. A nil *progress only passes on what is printed through it.
type progress struct {
	to    io.Writer
	width func() int
	start time.Time
	once  sync.Once
	end   chan struct{}
	owned sync.WaitGroup

	doing atomic.Pointer[string]

	mu    sync.Mutex // serialises what is written
	shown int        // columns of the line that are on the terminal
}

// redraw is how often the line is written anew.
const redraw = 200 * time.Millisecond

// newProgress is nil where nobody would read it: no terminal, or CI is set.
func newProgress(to io.Writer) *progress {
	terminal, ok := to.(*os.File)
	if !ok || columns(terminal) == 0 || os.Getenv("CI") != "" || os.Getenv("TERM") == "dumb" {
		return nil
	}
	return startProgress(to, func() int { return columns(terminal) }, time.NewTicker(redraw))
}

// columns is the terminal's width, 0 if the file is none.
func columns(f *os.File) int {
	size, err := unix.IoctlGetWinsize(int(f.Fd()), unix.TIOCGWINSZ)
	if err != nil {
		return 0
	}
	return int(size.Col)
}

func startProgress(to io.Writer, width func() int, tick *time.Ticker) *progress {
	p := &progress{to: to, width: width, start: time.Now(), end: make(chan struct{})}
	p.owned.Go(func() {
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				p.draw()
			case <-p.end:
				return
			}
		}
	})
	return p
}

// set says what is being done from now on. It never waits for the terminal.
func (p *progress) set(doing string) {
	if p != nil {
		p.doing.Store(&doing)
	}
}

// println prints a line of output, above the progress.
func (p *progress) println(to io.Writer, line string) error {
	if p != nil {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.erase()
	}
	_, err := fmt.Fprintln(to, line)
	return err
}

// close removes the line and ends what keeps it. It may be called again.
func (p *progress) close() {
	if p == nil {
		return
	}
	p.once.Do(func() { close(p.end) })
	p.owned.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.erase()
}

func (p *progress) draw() {
	doing := p.doing.Load()
	if doing == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	line := []rune(fmt.Sprintf("%3.0fs %s", time.Since(p.start).Seconds(), *doing))
	// The last column stays free: a terminal may go to the next line when it is written.
	line = line[:min(len(line), max(0, p.width()-1))]
	fmt.Fprint(p.to, "\r", string(line), strings.Repeat(" ", max(0, p.shown-len(line))))
	p.shown = len(line)
}

// erase overwrites the line with spaces. p.mu must be held.
func (p *progress) erase() {
	if p.shown == 0 {
		return
	}
	fmt.Fprint(p.to, "\r", strings.Repeat(" ", p.shown), "\r")
	p.shown = 0
}
