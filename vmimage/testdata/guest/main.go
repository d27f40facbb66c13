// Command guest is PID 1 of the machines that vmimage's tests boot: it obeys one-line commands from the virtio-serial port and
// answers each with one line.
package main

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

func main() {
	fmt.Println("guest: hello console")
	if err := serve(); err != nil {
		fmt.Println("guest:", err)
	}
	os.Exit(1)
}

func serve() error {
	for target, kind := range map[string]string{"/proc": "proc", "/sys": "sysfs", "/dev": "devtmpfs"} {
		if err := unix.Mount(kind, target, kind, 0, ""); err != nil {
			return fmt.Errorf("mount %s: %w", target, err)
		}
	}
	port, err := openPort("iomapcheck.0")
	if err != nil {
		return err
	}
	fmt.Fprintln(port, "hello")
	commands := bufio.NewScanner(port)
	for commands.Scan() {
		answer, err := obey(strings.Fields(commands.Text()))
		if err != nil {
			answer = "error: " + strings.ReplaceAll(err.Error(), "\n", "; ")
		}
		fmt.Fprintln(port, answer)
	}
	return errors.New("port ended")
}

// blockingFile keeps the port out of Go's poller.
type blockingFile int

func (f blockingFile) Read(p []byte) (int, error)  { return unix.Read(int(f), p) }
func (f blockingFile) Write(p []byte) (int, error) { return unix.Write(int(f), p) }

func openPort(name string) (blockingFile, error) {
	names, _ := filepath.Glob("/sys/class/virtio-ports/*/name")
	for _, path := range names {
		text, _ := os.ReadFile(path)
		if strings.TrimSpace(string(text)) == name {
			fd, err := unix.Open("/dev/"+filepath.Base(filepath.Dir(path)), unix.O_RDWR|unix.O_CLOEXEC, 0)
			return blockingFile(fd), err
		}
	}
	return -1, fmt.Errorf("no port %s among %v", name, names)
}

func obey(words []string) (string, error) {
	switch words[0] {
	case "load":
		return "ok", load(words[1])
	case "run":
		out, err := exec.Command(words[1], words[2:]...).CombinedOutput()
		return "ok", errors.Join(err, errText(err, out))
	case "mount":
		return "ok", mount(words[1], words[2])
	case "cat":
		text, err := os.ReadFile(words[1])
		return strings.ReplaceAll(strings.TrimSpace(string(text)), "\n", "|"), err
	case "ls":
		found, err := filepath.Glob(words[1])
		return strings.Join(found, " "), err
	case "sysrq":
		return "ok", os.WriteFile("/proc/sysrq-trigger", []byte(words[1]), 0)
	case "spin":
		for {
		}
	case "poweroff":
		return "ok", unix.Reboot(unix.LINUX_REBOOT_CMD_POWER_OFF)
	}
	return "", fmt.Errorf("unknown command %q", words)
}

func errText(err error, out []byte) error {
	if err == nil {
		return nil
	}
	return errors.New(string(out))
}

// load loads the files of /modules/index's line for name.
func load(name string) error {
	index, err := os.ReadFile("/modules/index")
	if err != nil {
		return err
	}
	for line := range strings.Lines(string(index)) {
		module, files, _ := strings.Cut(line, ":")
		if module != name {
			continue
		}
		for file := range strings.FieldsSeq(files) {
			if err := insert("/modules/" + file); err != nil {
				return fmt.Errorf("load %s: %w", file, err)
			}
		}
		return nil
	}
	return fmt.Errorf("no %s in index", name)
}

func insert(path string) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	if err := unix.FinitModule(int(file.Fd()), "", 0); err != nil && err != unix.EEXIST {
		return err
	}
	return nil
}

// mount mounts dev as kind, writes and reads a file there, and unmounts.
func mount(kind, dev string) error {
	data := ""
	if kind == "gfs2" {
		data = "lockproto=lock_nolock"
	}
	if err := unix.Mount(dev, "/mnt", kind, 0, data); err != nil {
		return fmt.Errorf("mount %s: %w", kind, err)
	}
	if err := os.WriteFile("/mnt/f", []byte(kind), 0o644); err != nil {
		return err
	}
	if text, err := os.ReadFile("/mnt/f"); err != nil || string(text) != kind {
		return fmt.Errorf("read back %q: %w", text, err)
	}
	return unix.Unmount("/mnt", 0)
}
