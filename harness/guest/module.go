package guest

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// errNoModule says that the index has no module of that name: the kernel has it built in, or not at all.
var errNoModule = errors.New("no such module in the image")

// LoadModule loads a module of the image with what it needs, for programs in a guest that are not PID 1. What the image does not have is built into the
// kernel, or missing: that is no error.
func LoadModule(name string) error {
	if err := loadModule(name); !errors.Is(err, errNoModule) {
		return err
	}
	return nil
}

// loadModule loads a module and what it needs, in the order that /modules/index gives.
func loadModule(name string) error {
	index, err := os.ReadFile("/modules/index")
	if err != nil {
		return fmt.Errorf("load module %s: %w", name, err)
	}
	cmdline, err := os.ReadFile("/proc/cmdline")
	if err != nil {
		return fmt.Errorf("load module %s: read its parameters: %w", name, err)
	}
	for line := range strings.Lines(string(index)) {
		module, list, _ := strings.Cut(line, ":")
		if module != name {
			continue
		}
		for file := range strings.FieldsSeq(list) {
			if err := insert("/modules/"+file, cmdline); err != nil {
				return fmt.Errorf("load module %s: %w", name, err)
			}
		}
		return nil
	}
	return fmt.Errorf("load module %s: %w", name, errNoModule)
}

// insert loads a module's file. One that is loaded is left alone before the kernel has read and checked the file, which takes it a tenth of a
// second and more.
func insert(path string, cmdline []byte) error {
	if _, err := os.Stat("/sys/module/" + moduleName(path)); err == nil {
		return nil
	}
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := unix.FinitModule(int(f.Fd()), parameters(path, string(cmdline)), 0); err != nil && err != unix.EEXIST {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

// moduleName is the name under which the kernel has the module of a file.
func moduleName(path string) string {
	return strings.ReplaceAll(strings.TrimSuffix(filepath.Base(path), ".ko"), "-", "_")
}

// parameters are a module's on the kernel's command line, MODULE.NAME=VALUE: the kernel leaves them to whoever loads the module.
func parameters(path, cmdline string) string {
	module := moduleName(path)
	var out []string
	for word := range strings.FieldsSeq(cmdline) {
		if p, ok := strings.CutPrefix(word, module+"."); ok {
			out = append(out, p)
		}
	}
	return strings.Join(out, " ")
}
