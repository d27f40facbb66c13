package main

import (
	"debug/elf"
	"fmt"
	"os"
)

// agent is this program as a guest's PID 1. It must be linked statically: a guest has no loader for it.
func agent() (string, error) {
	path, err := os.Executable()
	if err != nil {
		return "", fmt.Errorf("find this program: %w", err)
	}
	return path, static(path)
}

// static returns an error unless the program at path needs no loader.
func static(path string) error {
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
