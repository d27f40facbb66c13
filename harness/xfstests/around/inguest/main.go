package inguest

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/iomapcheck/iomapcheck/harness/wire"
)

// base is where the userland is mounted, in the guest's own root.
const base = "/userland"

// attendant is the state between orders.
type attendant struct {
	conn    *wire.Conn
	devices map[string]string // by serial, and TEST's and SCRATCH's also by their placeholders
}

// stream joins the two halves of a connection.
type stream struct {
	io.Reader
	io.Writer
}

// Main obeys until its input ends.
func Main(in io.Reader, out io.Writer) error {
	g := &attendant{conn: wire.NewConn(stream{in, out})}
	for {
		var order Order
		if err := g.conn.Receive(&order); errors.Is(err, wire.ErrEnded) {
			return nil
		} else if err != nil {
			return err
		}
		if err := g.obey(order); err != nil {
			return err
		}
	}
}

// obey carries an order out and reports; its error is the connection's.
func (g *attendant) obey(order Order) error {
	switch {
	case order.Prepare != nil:
		prepared := g.prepare(*order.Prepare)
		return g.conn.Send(Report{Prepared: &prepared})
	case order.Test != nil:
		done := g.test(*order.Test)
		return g.conn.Send(Report{Done: &done})
	}
	return errors.New("obey the host: an order without content")
}

// inUserland is a path of the userland as this process sees it.
func inUserland(path string) string { return base + path }

// writeFile writes a file of the userland.
func writeFile(path, text string) error {
	if err := os.WriteFile(inUserland(path), []byte(text), 0o644); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}
