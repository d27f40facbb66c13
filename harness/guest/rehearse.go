package guest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/debug"

	"github.com/iomapcheck/iomapcheck/harness/exec"
	"github.com/iomapcheck/iomapcheck/harness/observe"
	"github.com/iomapcheck/iomapcheck/harness/prog"
	"github.com/iomapcheck/iomapcheck/harness/wire"
)

// heapLimit is how large the heap of a guest grows before it is collected at all, in bytes: a collection takes a clone longer than its job.
const heapLimit = 256 << 20

// rehearse does once what every clone would have to do for the first time: it runs a program on a folder of memory, with a host that
// answers everything and hears nothing, and reads the trace. What comes of it nobody sees.
func (a *agent) rehearse(ctx context.Context, trace *observe.Watch) error {
	root, err := os.MkdirTemp("", "rehearsal")
	if err != nil {
		return fmt.Errorf("rehearse: %w", err)
	}
	defer os.RemoveAll(root)
	p, err := prog.Parse(exec.Rehearsed)
	if err != nil {
		return fmt.Errorf("rehearse: %w", err)
	}
	if err := decodeJob(); err != nil {
		return fmt.Errorf("rehearse: %w", err)
	}
	quiet := newRehearsal()
	defer quiet.end()
	if _, _, err := quiet.clock(ctx); err != nil {
		return fmt.Errorf("rehearse: %w", err)
	}
	tasks := observe.NewTasks(quiet.emit)
	err = exec.Run(ctx, p, exec.Env{
		Root: root, Disk: remoteDisk{quiet.agent, os.DevNull}, Emit: tasks.Take, Remount: func() error { return nil },
	})
	err = errors.Join(err, trace.Report(tasks))
	if err != nil {
		return fmt.Errorf("rehearse: %w", err)
	}
	debug.SetGCPercent(-1)
	debug.SetMemoryLimit(heapLimit)
	runtime.GC()
	return nil
}

// rehearsal is an agent whose host says yes.
type rehearsal struct {
	*agent
	host *io.PipeWriter
}

func newRehearsal() *rehearsal {
	fromGuest, toHost := io.Pipe()
	toGuest, fromHost := io.Pipe()
	guest := wire.NewConn(ends{toGuest, toHost})
	r := &rehearsal{&agent{conn: guest, answers: map[int64]chan wire.Answer{}}, fromHost}
	go func() {
		_ = r.serve() // it ends with the pipe
		fromGuest.Close()
	}()
	go sayYes(wire.NewConn(ends{fromGuest, fromHost}))
	return r
}

func (r *rehearsal) end() { r.host.Close() }

// sayYes answers what a guest asks until its pipe is closed.
func sayYes(host *wire.Conn) {
	for {
		var m wire.ToHost
		if err := host.Receive(&m); err != nil {
			return
		}
		if m.Ask != nil {
			_ = host.Send(wire.ToGuest{Answer: &wire.Answer{ID: m.Ask.ID, Value: 1}})
		}
	}
}

// decodeJob decodes a job as one will come.
func decodeJob() error {
	var mail bytes.Buffer
	conn := wire.NewConn(&mail)
	job := wire.Job{Program: exec.Rehearsed, Trace: wire.Trace{Events: []string{"g:n"}, Probes: []string{"f"}}, SetupLimit: 1, RunLimit: 1}
	var m wire.ToGuest
	return errors.Join(conn.Send(wire.ToGuest{Job: &job}), conn.Receive(&m))
}

// ends are two pipes as one connection.
type ends struct {
	io.Reader
	io.Writer
}
