package ktrace

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/sys/unix"
)

// Tracer records events until it is closed. Its methods may be called from any goroutine.
type Tracer struct {
	in instance
	mu sync.Mutex // serializes everything: an instance with an open file cannot be removed
	// groups maps the name of each enabled event to the group it is reported under; probes are those of them that are kprobes. Guarded by mu.
	groups map[string]string
	probes map[string]bool
	// known are the hits that probes had missed at the last Clear. Guarded by mu.
	known int64
	lock  io.Closer // the instance's flock; nil once closed. Guarded by mu.
}

// Start makes the instance, enables the events and defines the probes. Root is where tracefs is mounted; empty means the usual
// places. It needs root's rights.
//
// Events that this kernel lacks are returned, each with the reason, and are no error. After an error nothing is left behind. A
// process has one Tracer at a time.
func Start(ctx context.Context, root string, cfg Config) (*Tracer, []Missing, error) {
	return start(ctx, files{}, root, cfg)
}

func start(ctx context.Context, fs tree, root string, cfg Config) (*Tracer, []Missing, error) {
	if err := cfg.check(); err != nil {
		return nil, nil, err
	}
	root, err := findRoot(fs, root)
	if err != nil {
		return nil, nil, err
	}
	t, err := create(instance{fs: fs, root: root, pid: os.Getpid()})
	if err != nil {
		return nil, nil, err
	}
	missing, err := t.configure(ctx, cfg)
	if err != nil {
		return nil, nil, errors.Join(fmt.Errorf("start trace: %w", err), t.Close())
	}
	return t, missing, nil
}

// create makes the instance and takes its lock, by which Clean knows that it is in use.
func create(in instance) (*Tracer, error) {
	if err := in.fs.mkdir(in.dir()); err != nil {
		if errors.Is(err, os.ErrExist) {
			err = errors.New("it exists: close this process's other Tracer, or Clean what a killed process with the same number left")
		}
		return nil, fmt.Errorf("make trace instance %s: %w", in.dir(), err)
	}
	lock, err := in.fs.lock(in.dir())
	if err != nil {
		return nil, errors.Join(fmt.Errorf("make trace instance (another process's Clean may have taken it; start again): %w", err), in.remove())
	}
	return &Tracer{in: in, groups: map[string]string{}, probes: map[string]bool{}, lock: lock}, nil
}

func (t *Tracer) configure(ctx context.Context, cfg Config) ([]Missing, error) {
	// The clock goes first: setting it empties the buffer.
	if err := t.in.set("trace_clock", clock); err != nil {
		return nil, err
	}
	if cfg.BufferKiB > 0 {
		if err := t.in.set("buffer_size_kb", strconv.Itoa(cfg.BufferKiB)); err != nil {
			return nil, err
		}
	}
	return t.add(ctx, cfg)
}

// add enables the events and defines the probes.
func (t *Tracer) add(ctx context.Context, cfg Config) ([]Missing, error) {
	var missing []Missing
	for _, add := range t.steps(cfg) {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		m, err := add()
		if err != nil {
			return nil, err
		}
		if m != nil {
			missing = append(missing, *m)
		}
	}
	return missing, nil
}

// Extend has events recorded as well, beside those that are; those must not be among them. What the kernel lacks is returned as Start does it. After
// an error the Tracer may record some of them.
func (t *Tracer) Extend(ctx context.Context, with Config) ([]Missing, error) {
	if err := with.check(); err != nil {
		return nil, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.lock == nil {
		return nil, fmt.Errorf("extend trace: %w", os.ErrClosed)
	}
	missing, err := t.add(ctx, with)
	if err != nil {
		return nil, fmt.Errorf("extend trace: %w", err)
	}
	return missing, nil
}

// Clear takes away what was recorded. Recording goes on.
func (t *Tracer) Clear(ctx context.Context) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.lock == nil {
		return fmt.Errorf("clear trace: %w", os.ErrClosed)
	}
	missed, err := t.missed(ctx)
	if err != nil {
		return fmt.Errorf("clear trace: read probe misses: %w", err)
	}
	t.known = missed
	// Setting the clock empties the buffer, whichever it was.
	if err := t.in.set("trace_clock", clock); err != nil {
		return fmt.Errorf("clear trace: %w", err)
	}
	return nil
}

// clock is CLOCK_MONOTONIC by the trace's name for it.
const clock = "mono"

// steps gives one function for each event and probe; it enables it, or says why the kernel cannot.
func (t *Tracer) steps(cfg Config) []func() (*Missing, error) {
	var steps []func() (*Missing, error)
	for _, e := range cfg.Events {
		steps = append(steps, func() (*Missing, error) { return t.addEvent(e) })
	}
	for _, p := range cfg.Probes {
		steps = append(steps, func() (*Missing, error) { return t.addProbe(p) })
	}
	return steps
}

func (t *Tracer) addEvent(event string) (*Missing, error) {
	group, name, _ := strings.Cut(event, ":")
	err := t.enable(group, name)
	if errors.Is(err, os.ErrNotExist) {
		return &Missing{event, "this kernel has no such event, or its module is not loaded"}, nil
	}
	if err != nil {
		return nil, err
	}
	t.groups[name] = group
	return nil, nil
}

func (t *Tracer) enable(group, name string) error {
	return t.in.set(filepath.Join("events", group, name, "enable"), "1")
}

func (t *Tracer) addProbe(p Probe) (*Missing, error) {
	missing, err := t.define(p)
	if missing != nil || err != nil {
		return missing, err
	}
	if err := t.filter(p); err != nil {
		return nil, err
	}
	if err := t.enable(t.in.group(), p.name()); err != nil {
		return nil, fmt.Errorf("enable probe %s: %w", p.name(), err)
	}
	t.groups[p.name()] = ProbeGroup
	t.probes[p.name()] = true
	return nil, nil
}

// filter sets the probe's filter, before it is enabled.
func (t *Tracer) filter(p Probe) error {
	if p.Filter == "" {
		return nil
	}
	return t.in.set(filepath.Join("events", t.in.group(), p.name(), "filter"), p.Filter)
}

// define defines the probe on the first of its functions that the kernel has. What is missing is the function by today's name.
func (t *Tracer) define(p Probe) (*Missing, error) {
	var missing *Missing
	for _, symbol := range p.symbols() {
		definition := p.definition(t.in.group(), symbol)
		err := t.in.fs.write(filepath.Join(t.in.root, "kprobe_events"), definition)
		switch {
		case err == nil:
			return nil, t.extend(p)
		case !refused(err):
			return nil, fmt.Errorf("define probe %q: %w", definition, err)
		case missing == nil:
			missing = &Missing{ProbeGroup + ":" + p.name(), t.whyRefused(definition, err)}
		}
	}
	return missing, nil
}

// extend puts the functions that are the same event to a probe that is defined.
func (t *Tracer) extend(p Probe) error {
	for _, symbol := range p.Also {
		definition := p.definition(t.in.group(), symbol)
		if err := t.in.fs.write(filepath.Join(t.in.root, "kprobe_events"), definition); err != nil && !refused(err) {
			return fmt.Errorf("extend probe %q: %w", definition, err)
		}
	}
	return nil
}

// refused: the kernel cannot have such a probe. 5.10 says ENOENT for a function it may not probe, 6.12 and 7.2 EINVAL; a kernel
// without kprobe events has no file to write to, and one without return probes says EOPNOTSUPP.
func refused(err error) bool {
	return errors.Is(err, os.ErrNotExist) || errors.Is(err, unix.EINVAL) || errors.Is(err, unix.EOPNOTSUPP)
}

// whyRefused looks the kernel's reason up in error_log; whatever goes wrong there, the errno remains.
func (t *Tracer) whyRefused(definition string, err error) string {
	if ok, statErr := t.in.fs.exists(filepath.Join(t.in.root, "kprobe_events")); statErr == nil && !ok {
		return "this kernel has no kprobe events (CONFIG_KPROBE_EVENTS)"
	}
	text, readErr := readAll(context.Background(), t.in.fs, filepath.Join(t.in.root, "error_log"))
	if reason := loggedReason(text, definition); readErr == nil && reason != "" {
		return reason
	}
	return err.Error()
}

// loggedReason finds the newest complaint about a command in the text of error_log:
//
//	[    4.071743] trace_kprobe: error: Invalid probed address or symbol
//	  Command: p:iomapcheck_7/nope no_such_function
//	                               ^
func loggedReason(text, command string) string {
	at := strings.LastIndex(text, "\n  Command: "+command+"\n")
	if at < 0 {
		return ""
	}
	line := text[strings.LastIndex(text[:at], "\n")+1 : at]
	_, reason, _ := strings.Cut(line, "error: ")
	return reason
}

// Close switches the events off and removes the probes and the instance with its recorded events. After it returned nil, closing
// again does nothing; after an error, closing again tries again.
func (t *Tracer) Close() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.lock == nil {
		return nil
	}
	if err := t.in.remove(); err != nil {
		return fmt.Errorf("close trace: %w", err)
	}
	lock := t.lock
	t.lock = nil
	if err := lock.Close(); err != nil {
		return fmt.Errorf("close trace: %w", err)
	}
	return nil
}
