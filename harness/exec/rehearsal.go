package exec

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// What is done for the first time costs several times what it costs later: Go's tables of types are filled, stacks and the heap grow, pages of
// the binary are mapped. A snapshot keeps what was done before it, so a process that will be cloned rehearses: it carries a program out in a
// folder of its own, and what comes of that nobody sees.

// Rehearsed is the program: what most programs do, on whatever file system the machine has for temporary files.
const Rehearsed = `write f 0 64k o
fsync f
direct-write f 0 64k n
read f 0 64k
load f 0 4k
store f 0 4k m
truncate f 32k
go w: direct-write f 0 4k w
join w
`

// beSpare rehearses and tells the conductor.
func (p *process) beSpare() error {
	said := report{Say: "rehearsed"}
	if err := errors.Join(rehearseAs("main"), rehearseAs(finalKey)); err != nil {
		said.Error = err.Error()
	}
	return p.send(said)
}

// rehearseAs has a task of the program rehearsed, in this process.
func rehearseAs(key string) error {
	root, err := os.MkdirTemp("", "rehearsal")
	if err != nil {
		return fmt.Errorf("rehearse: %w", err)
	}
	defer os.RemoveAll(root)
	if err := os.WriteFile(root+"/f", make([]byte, pageSize), 0o600); err != nil {
		return fmt.Errorf("rehearse: %w", err)
	}
	ours, theirs, err := pair()
	if err != nil {
		return err
	}
	p, done := newProcess(int(theirs.Fd())), make(chan error, 1)
	go func() {
		err := p.serve()
		// What did not come to its end must not be waited for.
		done <- errors.Join(err, unix.Shutdown(p.link.fd, unix.SHUT_RDWR))
	}()
	err = errors.Join(prompt(ours, key, root), <-done)
	ours.close()
	<-p.routed // nobody reads a number that will soon be another descriptor's
	return errors.Join(err, theirs.Close())
}

// prompt is the conductor of a rehearsal, which says yes to everything, until the task has ended.
func prompt(l *link, key, root string) error {
	if err := l.send(order{Do: "prepare", Program: Rehearsed, Root: root, Task: key, Single: -1}); err != nil {
		return fmt.Errorf("rehearse: %w", err)
	}
	for {
		var r report
		if err := l.receive(&r); err != nil {
			return fmt.Errorf("rehearse: %w", err)
		}
		reply := order{Do: "reply", Task: key, Value: true}
		switch {
		case r.Say == "ended" && r.Error != "":
			return fmt.Errorf("rehearse: %s", r.Error)
		case r.Say == "ended":
			return nil
		case r.Say == "event":
			continue
		case r.Say == "ready":
			reply.Do = "go"
		}
		if err := l.send(reply); err != nil {
			return fmt.Errorf("rehearse: %w", err)
		}
	}
}
