package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/iomapcheck/iomapcheck/harness/fsys"
	"github.com/iomapcheck/iomapcheck/harness/oops"
	"github.com/iomapcheck/iomapcheck/harness/oops/symbol"
	"github.com/iomapcheck/iomapcheck/harness/target"
	"github.com/iomapcheck/iomapcheck/harness/target/vm"
)

func (a *app) vm() *cobra.Command {
	cmd := &cobra.Command{
		Use: "vm", Short: "puts you into the virtual machines that cases run in", Args: cobra.NoArgs,
		Example: "  iomapcheck vm shell --fs xfs",
		RunE:    func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(a.vmShell())
	return cmd
}

// shellFlags are the flags of vm shell.
type shellFlags struct {
	targetFlags
	fs  string
	gdb bool
}

func (a *app) vmShell() *cobra.Command {
	f := &shellFlags{}
	cmd := &cobra.Command{
		Use: "shell [-- COMMAND]", Short: "gives a shell, or runs a command, in a guest with the programmable disk",
		Long: `shell boots a kernel with the image that cases run in, busybox besides, and gives a shell there. With --fs the file system is made
and mounted on /mnt first. A command is given to sh -c, as ssh does it, and its exit code is passed on; without one, and with a terminal,
the shell is interactive, and Ctrl-] ends the machine whatever state it is in. Otherwise the shell reads standard input.

In the guest the command 'disk' operates the disk, /dev/vda, while others use it:

  disk hold writes          hold what is asked from now on (reads, writes, flushes, all)
  disk await held 1         wait until so many requests are held
  disk release oldest 1     let them go; 'disk release' lets all go and holds no more
  disk fail reads EIO times 1
  disk requests             how many requests there were
  disk heal                 an honest disk again

What the kernel complains of is told as it comes, with places in the source where there is debug information for it (a built tree's
vmlinux, the distribution's debug package below ` + symbol.DebugRoot + `). With --gdb the machine waits for a debugger before its first instruction;
the command to attach is printed.

The exit code is the command's; 1 if the kernel crashed, 125 if there was no shell.`,
		Example: `  iomapcheck vm shell --fs xfs
  iomapcheck vm shell --kernel debian:6.1 --fs ext4/1k -- 'dd if=/dev/zero of=f bs=64k count=1 oflag=direct; disk requests'
  iomapcheck vm shell --kernel arch/x86/boot/bzImage --gdb`,
		RunE: func(cmd *cobra.Command, args []string) error { return a.shell(cmd.Context(), f, args) },
	}
	f.registerKernel(cmd)
	cmd.Flags().StringVar(&f.fs, "fs", "", "file system to make and mount on /mnt, as in xfs or btrfs/nodatasum")
	cmd.Flags().BoolVar(&f.gdb, "gdb", false, "wait for a debugger before the first instruction")
	return cmd
}

// wanted is the shell that flags and arguments ask for, without its input and output.
func (f *shellFlags) wanted(args []string) (vm.Shell, error) {
	want := vm.Shell{Command: strings.Join(args, " ")}
	if f.fs == "" {
		return want, f.check()
	}
	var err error
	want.FS, err = fsys.Parse(f.fs)
	return want, errors.Join(f.check(), err)
}

func (a *app) shell(ctx context.Context, f *shellFlags, args []string) error {
	want, err := f.wanted(args)
	if err != nil {
		return usage(err)
	}
	config := vm.Config{Kernel: f.kernel, Accel: f.accel, Cache: a.cache(), Shell: true}
	if config.Agent, err = agent(); err != nil {
		return err
	}
	socket := ""
	if f.gdb {
		dir, err := os.MkdirTemp("", "iomapcheck-gdb")
		if err != nil {
			return fmt.Errorf("make the debugger's socket: %w", err)
		}
		defer os.RemoveAll(dir)
		socket = filepath.Join(dir, "socket")
		config.Debugger = "unix:" + socket + ",server=on,wait=off"
	}
	p := newProgress(a.errOut)
	defer p.close()
	config.Report = func(line string) { _ = p.println(a.errOut, line) }
	p.set("preparing " + f.kernel)
	t, err := vm.Open(ctx, config)
	if err != nil {
		return err
	}
	defer t.Close()
	sources := t.Symbols()
	if f.gdb {
		_ = p.println(a.errOut, attachCommand(t, sources, socket))
	}
	return a.converse(ctx, t, want, p, symbol.Open(sources))
}

// attachCommand is what a person runs to attach a debugger. Breakpoints in memory that is not loaded yet have to be the processor's.
func attachCommand(t *vm.Target, sources symbol.Sources, socket string) string {
	vmlinux, note := sources.Vmlinux, ""
	if vmlinux == "" {
		vmlinux, note = t.Kernel().Vmlinux, " (no debug information was found: addresses only)"
	}
	return fmt.Sprintf("waiting for a debugger%s:\n  gdb -ex 'target remote %s' -ex 'hbreak start_kernel' %s", note, socket, vmlinux)
}

// converse runs the shell on the standard streams.
func (a *app) converse(ctx context.Context, t *vm.Target, want vm.Shell, p *progress, symbols *symbol.Table) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	want.In, want.Out, want.Err = a.in, a.out, a.errOut
	want.Found = func(f oops.Finding) { a.tellFinding(f, symbols, want.Terminal != nil) }
	restore := func() {}
	if in, ok := a.in.(*os.File); ok && want.Command == "" && isTerminal(in) {
		var err error
		if restore, err = makeRaw(in); err != nil {
			return err
		}
		defer restore()
		want.Terminal, want.Resized = terminalSize(in), resizes(ctx, in)
		want.In = &escapable{in, func() { cancel(errEscaped) }}
	}
	want.Watch = func(doing string) {
		if doing == "" {
			p.close() // the terminal is the shell's now
			return
		}
		p.set(doing)
	}
	code, err := t.Shell(ctx, want)
	restore()
	return a.shellEnded(code, err, symbols)
}

// shellEnded tells how a shell ended that did not end by itself, and makes the exit code.
func (a *app) shellEnded(code int, err error, symbols *symbol.Table) error {
	var crash *vm.CrashError
	var unsupported *target.UnsupportedError
	switch {
	case errors.Is(err, errEscaped):
		return nil
	case errors.As(err, &crash):
		fmt.Fprintln(a.errOut, strings.Join(symbols.Annotate(strings.Split(strings.ReplaceAll(crash.Console, "\r", ""), "\n")), "\n"))
		fmt.Fprintln(a.errOut, "iomapcheck:", crash)
		a.code = exitBad
		return nil
	case errors.As(err, &unsupported):
		return fmt.Errorf("this kernel cannot: %s", unsupported.Reason)
	case err != nil:
		return err
	}
	a.code = code
	return nil
}

// tellFinding prints what the kernel complains of. A terminal in raw mode needs its own line ends.
func (a *app) tellFinding(f oops.Finding, symbols *symbol.Table, raw bool) {
	end := "\n"
	if raw {
		end = "\r\n"
	}
	fmt.Fprintf(a.errOut, "%[1]s[kernel] %[2]s%[1]s", end, f)
	for _, line := range symbols.Annotate(f.Stack()) {
		fmt.Fprintf(a.errOut, "[kernel]  %s%s", line, end)
	}
}
