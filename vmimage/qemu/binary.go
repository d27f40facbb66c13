package qemu

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
)

// Binary is an installed QEMU.
type Binary struct {
	Path         string
	Major, Minor int    // version
	Version      string // complete, with the distribution's package version: "7.2.22 (Debian 1:7.2+dfsg-7+deb12u18)"
	Qboot        bool   // has the qboot firmware, which enters a PVH kernel at once
}

// Find looks up QEMU for x86: name is a program or a path, empty for qemu-system-x86_64. A machine without it gets an *InfraError
// that says what to install and wraps ErrNoQEMU.
func Find(ctx context.Context, name string) (*Binary, error) {
	if name == "" {
		name = "qemu-system-x86_64"
	}
	path, err := exec.LookPath(name)
	if err != nil {
		return nil, &InfraError{Op: "find QEMU",
			Err: fmt.Errorf("%s: %w (Debian, Ubuntu: apt-get install qemu-system-x86; Fedora: dnf install qemu-system-x86-core)", name, ErrNoQEMU)}
	}
	binary := &Binary{Path: path}
	if err := binary.identify(ctx); err != nil {
		return nil, &InfraError{Op: "ask " + path + " for its version", Err: err}
	}
	return binary, nil
}

func (b *Binary) identify(ctx context.Context) error {
	out, err := exec.CommandContext(ctx, b.Path, "--version").Output()
	if err != nil {
		return err
	}
	match := regexp.MustCompile(`version ((\d+)\.(\d+).*)`).FindSubmatch(out)
	if match == nil {
		return fmt.Errorf("unexpected answer %q", bytes.TrimSpace(out))
	}
	b.Version = string(match[1])
	b.Major, _ = strconv.Atoi(string(match[2]))
	b.Minor, _ = strconv.Atoi(string(match[3]))
	dirs, err := exec.CommandContext(ctx, b.Path, "-L", "help").Output()
	if err != nil {
		return err
	}
	for dir := range strings.FieldsSeq(string(dirs)) {
		if _, err := os.Stat(filepath.Join(dir, "qboot.rom")); err == nil {
			b.Qboot = true
		}
	}
	return nil
}
