package main

import (
	"fmt"
	"os"

	"github.com/iomapcheck/iomapcheck/harness/target/vm"
)

// agent is this program as a guest's PID 1. It must be linked statically: a guest has no loader for it.
func agent() (string, error) {
	path, err := os.Executable()
	if err != nil {
		return "", fmt.Errorf("find this program: %w", err)
	}
	return path, vm.StaticProgram(path)
}
