package qmp

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
)

const greeting = `{"QMP": {"version": {"qemu": {"micro": 22, "minor": 2, "major": 7}}, "capabilities": ["oob"]}}`

// monitor is QEMU's end of a connection.
type monitor struct {
	net.Conn
	t     *testing.T
	lines *bufio.Scanner
}

func newMonitor(t *testing.T) (*monitor, net.Conn) {
	ours, theirs := net.Pipe()
	t.Cleanup(func() { theirs.Close() })
	return &monitor{theirs, t, bufio.NewScanner(theirs)}, ours
}

func (m *monitor) say(format string, args ...any) {
	if _, err := fmt.Fprintf(m, format+"\r\n", args...); err != nil {
		m.t.Errorf("say: %v", err)
	}
}

// hear returns the next command and its id.
func (m *monitor) hear() (command string, id int) {
	var request struct {
		Execute string
		ID      int
	}
	m.lines.Scan()
	if err := json.Unmarshal(m.lines.Bytes(), &request); err != nil {
		m.t.Errorf("hear %q: %v", m.lines.Text(), err)
	}
	return request.Execute, request.ID
}

// greet plays the beginning of every connection.
func (m *monitor) greet() {
	m.say("%s", greeting)
	if command, id := m.hear(); command == "qmp_capabilities" {
		m.say(`{"return": {}, "id": %d}`, id)
	} else {
		m.t.Errorf("first command is %q", command)
	}
}

// connect returns a client and the monitor it talks to.
func connect(t *testing.T, onEvent func(Event)) (*Client, *monitor) {
	t.Helper()
	monitor, conn := newMonitor(t)
	greeted := make(chan struct{})
	go func() {
		defer close(greeted)
		monitor.greet()
	}()
	client, err := New(t.Context(), conn, onEvent)
	if err != nil {
		t.Fatal(err)
	}
	<-greeted
	t.Cleanup(client.Close)
	return client, monitor
}

func TestAnswersFindTheirCommandsInAnyOrder(t *testing.T) {
	client, monitor := connect(t, nil)
	answers := make(chan error, 2)
	for _, command := range []string{"query-a", "query-b"} {
		go func() {
			var result struct{ Name string }
			err := client.Execute(t.Context(), command, map[string]int{"n": 1}, &result)
			if err == nil && result.Name != command {
				err = fmt.Errorf("%s got the answer to %s", command, result.Name)
			}
			answers <- err
		}()
	}
	first, firstID := monitor.hear()
	second, secondID := monitor.hear()
	monitor.say(`{"return": {"name": %q}, "id": %d}`, second, secondID)
	monitor.say(`{"return": {"name": %q}, "id": %d}`, first, firstID)
	for range 2 {
		if err := <-answers; err != nil {
			t.Error(err)
		}
	}
}

func TestARefusalIsAnErrorOfQEMUs(t *testing.T) {
	client, monitor := connect(t, nil)
	go func() {
		_, id := monitor.hear()
		monitor.say(`{"error": {"class": "GenericError", "desc": "no such thing"}, "id": %d}`, id)
	}()
	err := client.Execute(t.Context(), "device_del", nil, nil)
	var refusal *Error
	if !errors.As(err, &refusal) || refusal.Class != "GenericError" || !strings.Contains(err.Error(), "device_del: no such thing") {
		t.Errorf("Execute: %v", err)
	}
}

func TestEventsArriveInOrder(t *testing.T) {
	events := make(chan Event, 2)
	_, monitor := connect(t, func(event Event) { events <- event })
	monitor.say(`{"timestamp": {"seconds": 1, "microseconds": 2}, "event": "STOP"}`)
	monitor.say(`{"event": "SHUTDOWN", "data": {"guest": true, "reason": "guest-reset"}}`)
	if first := <-events; first.Name != "STOP" {
		t.Errorf("first event %+v", first)
	}
	if second := <-events; second.Name != "SHUTDOWN" || !strings.Contains(string(second.Data), "guest-reset") {
		t.Errorf("second event %+v", second)
	}
}

func TestTheEndOfTheConnectionWakesWhoWaits(t *testing.T) {
	client, monitor := connect(t, nil)
	go func() {
		monitor.hear()
		monitor.Close()
	}()
	if err := client.Execute(t.Context(), "query-status", nil, nil); !errors.Is(err, ErrClosed) {
		t.Errorf("waiting: %v, want ErrClosed", err)
	}
	if err := client.Execute(t.Context(), "query-status", nil, nil); !errors.Is(err, ErrClosed) {
		t.Errorf("afterwards: %v, want ErrClosed", err)
	}
	client.Close()
}

func TestAWaitEndsWithItsContextAndALateAnswerIsDropped(t *testing.T) {
	client, monitor := connect(t, nil)
	ctx, cancel := context.WithCancel(t.Context())
	late := make(chan int, 1)
	go func() {
		_, id := monitor.hear()
		late <- id
		cancel()
	}()
	if err := client.Execute(ctx, "slow", nil, nil); !errors.Is(err, context.Canceled) {
		t.Fatalf("Execute: %v, want cancelled", err)
	}
	monitor.say(`{"return": {}, "id": %d}`, <-late)
	go func() {
		_, id := monitor.hear()
		monitor.say(`{"return": {}, "id": %d}`, id)
	}()
	if err := client.Execute(t.Context(), "next", nil, nil); err != nil {
		t.Errorf("next command: %v", err)
	}
}

func TestAMonitorThatDoesNotGreetIsGivenUp(t *testing.T) {
	monitor, conn := newMonitor(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := New(ctx, conn, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("silent monitor: %v", err)
	}
	monitor.Close()
	monitor, conn = newMonitor(t)
	go func() {
		monitor.say("this is not JSON")
		monitor.Close()
	}()
	if _, err := New(t.Context(), conn, nil); !errors.Is(err, ErrClosed) {
		t.Errorf("nonsense: %v", err)
	}
}
