package guest

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/iomapcheck/iomapcheck/harness/wire"
)

// The shell's command for the programmable disk, and the socket on which PID 1 takes what it asks.
const (
	diskCommand = "/bin/disk"
	diskSocket  = "/run/disk.socket"
)

// diskLimit bounds one operation from the shell; "await held" has a shorter limit of its own at the host.
const diskLimit = time.Minute

// serveDiskCommand answers the disk command until the machine ends.
func (a *agent) serveDiskCommand() error {
	listener, err := net.Listen("unix", diskSocket)
	if err != nil {
		return fmt.Errorf("serve the disk command: %w", err)
	}
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go a.answerDiskCommand(conn)
		}
	}()
	return nil
}

// answerDiskCommand takes one line and answers with one: "ok", "ok VALUE", or what is wrong.
func (a *agent) answerDiskCommand(conn net.Conn) {
	defer conn.Close()
	line, err := bufio.NewReader(conn).ReadString('\n')
	if err != nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), diskLimit)
	defer cancel()
	line = strings.TrimSpace(line)
	answer, err := a.ask(ctx, line)
	switch {
	case err != nil:
		fmt.Fprintln(conn, err)
	case answer.Error != "":
		fmt.Fprintln(conn, answer.Error)
	case line == wire.Requests:
		fmt.Fprintln(conn, "ok", answer.Value)
	default:
		fmt.Fprintln(conn, "ok")
	}
}

// IsDiskCommand says whether this process is the disk command of a shell.
func IsDiskCommand() bool {
	return filepath.Base(os.Args[0]) == filepath.Base(diskCommand) && IsGuest()
}

// DiskCommandMain is the disk command: its arguments are one operation on the disk in the programs' text form. It returns the exit code.
func DiskCommandMain(args []string) int {
	if len(args) == 0 {
		fmt.Fprintln(os.Stderr, "disk: want an operation: hold writes, await held 1, release oldest 1, release, fail reads EIO times 1, requests, heal")
		return 2
	}
	if err := askDisk(strings.Join(args, " ")); err != nil {
		fmt.Fprintln(os.Stderr, "disk:", err)
		return 1
	}
	return 0
}

func askDisk(operation string) error {
	conn, err := net.Dial("unix", diskSocket)
	if err != nil {
		return err
	}
	defer conn.Close()
	if _, err := fmt.Fprintln(conn, operation); err != nil {
		return err
	}
	answer, err := io.ReadAll(conn)
	if err != nil {
		return err
	}
	value, ok := strings.CutPrefix(strings.TrimSpace(string(answer)), "ok")
	if !ok {
		return errors.New(strings.TrimSpace(string(answer)))
	}
	if value != "" {
		fmt.Println(strings.TrimSpace(value))
	}
	return nil
}
