package qemu

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/iomapcheck/iomapcheck/vmimage/vmtest"
)

// memoryFile is an empty memory.
func memoryFile(t *testing.T, sizeMiB int) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "ram")
	if err := os.WriteFile(path, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(path, int64(sizeMiB)<<20); err != nil {
		t.Fatal(err)
	}
	return path
}

// firmware starts a machine without a kernel, on a memory in a file.
func firmware(t *testing.T, path string, change func(*Config)) (*VM, error) {
	t.Helper()
	binary, err := Find(t.Context(), "")
	if errors.Is(err, ErrNoQEMU) {
		vmtest.Unavailable(t, err)
	}
	if err != nil {
		t.Fatal(err)
	}
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	config := Config{Binary: binary, MemoryMiB: 64, Memory: &Memory{File: file}}
	change(&config)
	vm, err := Start(t.Context(), config)
	if err == nil {
		t.Cleanup(vm.Kill)
	}
	return vm, err
}

func mustStart(t *testing.T, path string, change func(*Config)) *VM {
	t.Helper()
	vm, err := firmware(t, path, change)
	if err != nil {
		t.Fatal(err)
	}
	return vm
}

func aClone(c *Config) { c.Clone, c.Memory.Private = true, true }

func TestASavedMachineRunsOnInAsManyClonesAsOneLikes(t *testing.T) {
	path := memoryFile(t, 64)
	source := mustStart(t, path, func(*Config) {})
	state, err := source.Save(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	source.Kill()
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		vm := mustStart(t, path, aClone)
		if err := vm.Load(t.Context(), state); err != nil {
			t.Fatal(err)
		}
		if status := runState(t, vm); status != "paused" {
			t.Errorf("loaded: %s", status)
		}
		if err := vm.Resume(t.Context()); err != nil {
			t.Fatal(err)
		}
		if status := runState(t, vm); status != "running" {
			t.Errorf("resumed: %s", status)
		}
	}
	if after, err := os.ReadFile(path); err != nil || string(after) != string(before) {
		t.Errorf("a clone changed the snapshot's memory: %v", err)
	}
}

func runState(t *testing.T, vm *VM) string {
	t.Helper()
	var answer struct{ Status string }
	if err := vm.QMP(t.Context(), "query-status", nil, &answer); err != nil {
		t.Fatal(err)
	}
	return answer.Status
}

func TestAStateThatDoesNotFitIsQEMUsErrorInItsWords(t *testing.T) {
	path := memoryFile(t, 64)
	source := mustStart(t, path, func(*Config) {})
	state, err := source.Save(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	source.Kill()
	for name, other := range map[string]struct {
		state  []byte
		change func(*Config)
		want   string
	}{
		"text":           {[]byte(strings.Repeat("no state ", 1000)), aClone, "Not a migration stream"},
		"cut short":      {state[:len(state)/2], aClone, "load of migration failed"},
		"another device": {state, func(c *Config) { aClone(c); c.Devices = []Device{Port{"extra", portSocket(t)}} }, "load of migration failed"},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			err := mustStart(t, path, other.change).Load(ctx, other.state)
			var infra *InfraError
			if !errors.As(err, &infra) || !strings.Contains(err.Error()+infra.Stderr, other.want) {
				t.Errorf("got %v", err)
			}
		})
	}
}

// portSocket is QEMU's end of a socket; Start closes it.
func portSocket(t *testing.T) *os.File {
	t.Helper()
	ours, theirs, err := SocketPair()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ours.Close() })
	return theirs
}

func TestAMachineThatDiesWhileItIsSavedIsAnErrorAndNoState(t *testing.T) {
	vm := mustStart(t, memoryFile(t, 64), func(*Config) {})
	vm.process.kill()
	if state, err := vm.Save(t.Context()); err == nil {
		t.Errorf("got %d bytes of state", len(state))
	}
}

func TestADeviceThatCannotBeSavedIsRefusedWithItsName(t *testing.T) {
	vm := mustStart(t, memoryFile(t, 64), func(c *Config) { c.Devices = []Device{nvme{}} })
	_, err := vm.Save(t.Context())
	if err == nil || !strings.Contains(err.Error(), "nvme") {
		t.Errorf("got %v", err)
	}
}

// nvme is a controller, which QEMU does not migrate.
type nvme struct{}

func (nvme) Args(*FDs) []string { return []string{"-device", "nvme,serial=x"} }

func TestAMemoryOfTheWrongSizeIsRefused(t *testing.T) {
	if _, err := firmware(t, memoryFile(t, 32), aClone); err == nil {
		t.Error("a machine of 64 MiB started on 32")
	}
}
