package kernel

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"time"
)

// BuildError says that a tree does not build: the commit's fault, or the configuration's, not the kernel's behaviour. A command that could not be
// started is not one.
type BuildError struct {
	Command string
	Err     error
}

func (e *BuildError) Error() string { return fmt.Sprintf("build kernel: %s: %v", e.Command, e.Err) }
func (e *BuildError) Unwrap() error { return e.Err }

// Build makes bzImage and modules in the kernel tree dir, with what a guest needs in its configuration: without a .config it begins with
// make defconfig, and what is missing of the fragment is added. What make says goes to output. A build that fails is a *BuildError; its
// processes end with ctx.
func Build(ctx context.Context, dir string, output io.Writer) error {
	b := builder{ctx, dir, output}
	if err := b.configure(); err != nil {
		return err
	}
	return b.make("-j"+strconv.Itoa(runtime.NumCPU()), "bzImage", "modules")
}

// BuildWith has the shell carry out a command in the tree instead.
func BuildWith(ctx context.Context, dir, command string, output io.Writer) error {
	return builder{ctx, dir, output}.run("sh", "-c", command)
}

type builder struct {
	ctx    context.Context
	dir    string
	output io.Writer
}

// configure makes .config one that a guest can be built with.
func (b builder) configure() error {
	path := filepath.Join(b.dir, ".config")
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		if err := b.make("defconfig"); err != nil {
			return err
		}
	}
	lacks, err := readLacks(path)
	if err != nil || len(lacks) == 0 {
		return err
	}
	file, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return fmt.Errorf("complete kernel configuration: %w", err)
	}
	for _, l := range lacks {
		// Of two lines about an option the last counts (scripts/kconfig, conf_read_simple).
		if _, err := fmt.Fprintf(file, "%s=%s\n", l.Name, l.Value); err != nil {
			return errors.Join(fmt.Errorf("complete kernel configuration: %w", err), file.Close())
		}
	}
	if err := file.Close(); err != nil {
		return fmt.Errorf("complete kernel configuration: %w", err)
	}
	return b.make("olddefconfig")
}

func (b builder) make(args ...string) error { return b.run("make", args...) }

// lastOutput is how long what a killed build started may keep its output open.
const lastOutput = 10 * time.Second

func (b builder) run(name string, args ...string) error {
	cmd := exec.CommandContext(b.ctx, name, args...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = b.dir, b.output, b.output
	inOneGroup(cmd)
	cmd.WaitDelay = lastOutput
	runtime.LockOSThread() // what is started is killed when this thread ends; see inOneGroup
	defer runtime.UnlockOSThread()
	err := cmd.Run()
	var exit *exec.ExitError
	switch {
	case err == nil:
		return nil
	case b.ctx.Err() != nil:
		return context.Cause(b.ctx)
	case errors.As(err, &exit):
		return &BuildError{cmd.String(), err}
	}
	return fmt.Errorf("build kernel: %s: %w", cmd, err)
}
