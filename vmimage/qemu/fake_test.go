package qemu

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"testing"
)

// The test program plays other programs when this variable says so.
const playVariable = "IOMAPCHECK_TEST_PLAY"

func TestMain(m *testing.M) {
	switch role := os.Getenv(playVariable); role {
	case "":
		os.Exit(m.Run())
	case "owner":
		playOwner()
	default:
		playQEMU(role)
	}
}

// playQEMU is a QEMU without a machine. Its role is how it misbehaves.
func playQEMU(role string) {
	if role == "refuse" {
		fmt.Fprintln(os.Stderr, "qemu: warning: something")
		fmt.Fprintln(os.Stderr, "qemu: Could not open 'disk': No such file")
		os.Exit(1)
	}
	monitor := inherited("id=qmp")
	fmt.Fprintln(monitor, `{"QMP": {"version": {"qemu": {"micro": 0, "minor": 2, "major": 7}}, "capabilities": []}}`)
	console := inherited("id=console")
	fmt.Fprint(console, "[    0.0] Linux version 6.12\r\n[    0.1] last words\r\n")
	commands := bufio.NewScanner(monitor)
	for commands.Scan() {
		var command struct {
			Execute string
			ID      int
		}
		if err := json.Unmarshal(commands.Bytes(), &command); err != nil {
			os.Exit(2)
		}
		fmt.Fprintf(monitor, `{"return": %s, "id": %d}`+"\n", answer(role, command.Execute), command.ID)
		if role == "reset" {
			fmt.Fprintln(monitor, `{"event": "SHUTDOWN", "data": {"guest": true, "reason": "guest-reset"}}`)
			os.Exit(0)
		}
	}
}

func answer(role, command string) string {
	switch {
	case command == "quit" && role != "deaf":
		os.Exit(0)
	case command == "query-status" && role == "internal-error":
		return `{"status": "internal-error"}`
	case command == "query-status":
		return `{"status": "running"}`
	}
	return "{}"
}

// inherited opens the socket behind the chardev whose option text has mark.
func inherited(mark string) net.Conn {
	for _, argument := range os.Args {
		_, number, found := strings.Cut(argument, ",fd=")
		if !found || !strings.Contains(argument, mark) {
			continue
		}
		fd, err := strconv.Atoi(number)
		if err != nil {
			os.Exit(3)
		}
		conn, err := net.FileConn(os.NewFile(uintptr(fd), mark))
		if err != nil {
			os.Exit(4)
		}
		return conn
	}
	os.Exit(5)
	return nil
}

// playOwner starts a machine that idles in its firmware, says which process it is, and waits to be killed.
func playOwner() {
	os.Unsetenv(playVariable)
	vm, err := Start(testContext(), Config{})
	if err != nil {
		fmt.Println("error:", err)
		os.Exit(1)
	}
	fmt.Println(vm.Pid())
	_, _ = io.Copy(io.Discard, os.Stdin)
	<-vm.Done()
}

// fake returns a Config whose QEMU is this test program in role.
func fake(t *testing.T, role string) Config {
	t.Helper()
	path, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv(playVariable, role)
	return Config{Binary: &Binary{Path: path, Major: 7, Minor: 2, Version: "7.2"}}
}
