// Package qmp speaks the QEMU Machine Protocol: commands with their answers, and events, over a connected socket.
package qmp

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"

	"golang.org/x/sys/unix"
)

// ErrClosed says that the connection ended (QEMU did, or Close was called) before an answer came.
var ErrClosed = errors.New("qmp connection closed")

// Error is QEMU's refusal of a command.
type Error struct {
	Class       string `json:"class"` // GenericError, CommandNotFound, …
	Description string `json:"desc"`
}

// Error returns QEMU's description.
func (e *Error) Error() string { return e.Description }

// Event is something QEMU reports unasked: SHUTDOWN, STOP, GUEST_PANICKED, BLOCK_IO_ERROR, …
type Event struct {
	Name string
	Data json.RawMessage
}

// message is anything QEMU sends.
type message struct {
	Greeting *struct {
		Version struct {
			QEMU struct{ Major, Minor, Micro int }
		}
	} `json:"QMP"`
	ID     int             `json:"id"`
	Return json.RawMessage `json:"return"`
	Error  *Error          `json:"error"`
	Event  string          `json:"event"`
	Data   json.RawMessage `json:"data"`
}

// Client is one connection. Its methods may be called from any goroutine.
type Client struct {
	conn    net.Conn
	onEvent func(Event)
	greeted chan struct{} // closed when the greeting came
	ended   chan struct{} // closed when the reader returned

	writing sync.Mutex // serialises commands on the wire

	mu      sync.Mutex
	lastID  int                  // guarded by mu
	waiting map[int]chan message // guarded by mu; nil once the reader returned
}

// New waits for QEMU's greeting and negotiates capabilities; events come from then on. onEvent is called for each, in order, from the
// goroutine that also reads answers: it must not execute commands. The client owns conn, also when New fails.
func New(ctx context.Context, conn net.Conn, onEvent func(Event)) (*Client, error) {
	client := Resume(conn, onEvent)
	if err := client.negotiate(ctx); err != nil {
		client.Close()
		return nil, fmt.Errorf("open qmp: %w", err)
	}
	return client, nil
}

// Resume is New for a monitor that has greeted and agreed with somebody else before, whose connection conn stands in for.
func Resume(conn net.Conn, onEvent func(Event)) *Client {
	client := &Client{
		conn: conn, onEvent: onEvent,
		greeted: make(chan struct{}), ended: make(chan struct{}),
		waiting: map[int]chan message{},
	}
	go client.read()
	return client
}

func (c *Client) negotiate(ctx context.Context) error {
	select {
	case <-c.greeted:
	case <-c.ended:
		return ErrClosed
	case <-ctx.Done():
		return fmt.Errorf("no greeting: %w", ctx.Err())
	}
	return c.Execute(ctx, "qmp_capabilities", nil, nil)
}

// Close ends the connection and waits for the reader; commands under way return ErrClosed. It may be called more than once.
func (c *Client) Close() {
	c.conn.Close()
	<-c.ended
}

// Execute sends command with arguments (nil, or what encodes to a JSON object) and decodes the answer into result, unless that is nil.
// A refusal is an *Error.
func (c *Client) Execute(ctx context.Context, command string, arguments, result any) error {
	if err := c.execute(ctx, command, arguments, result); err != nil {
		return fmt.Errorf("execute qmp %s: %w", command, err)
	}
	return nil
}

// GiveFile hands a file to QEMU, which knows it by name from then on, as in the migration address "fd:NAME", until it has used it. The caller
// may close its own descriptor. The connection has to be a Unix socket.
func (c *Client) GiveFile(ctx context.Context, name string, file *os.File) error {
	rights := unix.UnixRights(int(file.Fd()))
	if err := c.executeWith(ctx, rights, "getfd", map[string]string{"fdname": name}, nil); err != nil {
		return fmt.Errorf("give QEMU file %s: %w", name, err)
	}
	return nil
}

func (c *Client) execute(ctx context.Context, command string, arguments, result any) error {
	return c.executeWith(ctx, nil, command, arguments, result)
}

// executeWith is execute with descriptors beside the command, as control messages.
func (c *Client) executeWith(ctx context.Context, rights []byte, command string, arguments, result any) error {
	id, answer, err := c.expect()
	if err != nil {
		return err
	}
	defer c.forget(id)
	if err := c.send(command, arguments, id, rights); err != nil {
		return err
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case message, open := <-answer:
		switch {
		case !open:
			return ErrClosed
		case message.Error != nil:
			return message.Error
		case result != nil:
			return json.Unmarshal(message.Return, result)
		}
		return nil
	}
}

// expect registers for the answer to the next command.
func (c *Client) expect() (id int, answer chan message, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.waiting == nil {
		return 0, nil, ErrClosed
	}
	c.lastID++
	answer = make(chan message, 1)
	c.waiting[c.lastID] = answer
	return c.lastID, answer, nil
}

func (c *Client) forget(id int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.waiting, id)
}

func (c *Client) send(command string, arguments any, id int, rights []byte) error {
	request := struct {
		Execute   string `json:"execute"`
		Arguments any    `json:"arguments,omitempty"`
		ID        int    `json:"id"`
	}{command, arguments, id}
	text, err := json.Marshal(request)
	if err != nil {
		return fmt.Errorf("encode arguments: %w", err)
	}
	c.writing.Lock()
	defer c.writing.Unlock()
	if err := c.write(append(text, '\n'), rights); err != nil {
		return errors.Join(ErrClosed, err)
	}
	return nil
}

func (c *Client) write(text, rights []byte) error {
	if rights == nil {
		_, err := c.conn.Write(text)
		return err
	}
	socket, ok := c.conn.(*net.UnixConn)
	if !ok {
		return fmt.Errorf("a %s connection carries no files", c.conn.RemoteAddr().Network())
	}
	_, _, err := socket.WriteMsgUnix(text, rights, nil)
	return err
}

// read runs until the connection ends.
func (c *Client) read() {
	defer close(c.ended)
	defer c.abandon()
	decoder := json.NewDecoder(c.conn)
	greeted := false
	for {
		var message message
		if err := decoder.Decode(&message); err != nil {
			return
		}
		switch {
		case message.Greeting != nil && !greeted:
			greeted = true
			close(c.greeted)
		case message.Event != "":
			if c.onEvent != nil {
				c.onEvent(Event{message.Event, message.Data})
			}
		default:
			c.deliver(message)
		}
	}
}

func (c *Client) deliver(message message) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if answer := c.waiting[message.ID]; answer != nil {
		answer <- message
		delete(c.waiting, message.ID)
	}
}

// abandon wakes everybody who waits for an answer.
func (c *Client) abandon() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, answer := range c.waiting {
		close(answer)
	}
	c.waiting = nil
}
