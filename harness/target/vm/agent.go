package vm

import (
	"debug/elf"
	"fmt"
)

// StaticProgram returns an error unless the program at path can be a guest's first process: it must need no loader, for a guest has none. A
// guest given another one panics, which is no fault of its kernel.
func StaticProgram(path string) error {
	file, err := elf.Open(path)
	if err != nil {
		return fmt.Errorf("read program %s: %w", path, err)
	}
	defer file.Close()
	for _, p := range file.Progs {
		if p.Type == elf.PT_INTERP {
			return fmt.Errorf("%s is linked dynamically and cannot run in a guest: build it with make (CGO_ENABLED=0)", path)
		}
	}
	return nil
}
