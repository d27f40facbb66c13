package guest

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// errNoModule says that the index has no module of that name: the kernel has it built in, or not at all.
var errNoModule = errors.New("no such module in the image")

// loadModule loads a module and what it needs, in the order that /modules/index gives.
func loadModule(name string) error {
	index, err := os.ReadFile("/modules/index")
	if err != nil {
		return fmt.Errorf("load module %s: %w", name, err)
	}
	for line := range strings.Lines(string(index)) {
		module, list, _ := strings.Cut(line, ":")
		if module != name {
			continue
		}
		for file := range strings.FieldsSeq(list) {
			if err := insert("/modules/" + file); err != nil {
				return fmt.Errorf("load module %s: %w", name, err)
			}
		}
		return nil
	}
	return fmt.Errorf("load module %s: %w", name, errNoModule)
}

func insert(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := unix.FinitModule(int(f.Fd()), "", 0); err != nil && err != unix.EEXIST {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}
