package inside

import (
	"context"
	"errors"
	"fmt"
	osexec "os/exec"
	"strconv"
	"strings"
	"time"

	"github.com/iomapcheck/iomapcheck/harness/blockdev"
	"github.com/iomapcheck/iomapcheck/harness/target/host"
)

// Environment is what check tells a test, and what its user says by variables.
type Environment struct {
	// FSType is $FSTYP. TestDir and TestDev are the file system that is mounted, ScratchDev the device that may be overwritten.
	FSType, TestDir, TestDev, ScratchDev string
	// MkfsOptions and MountOptions are for $SCRATCH_DEV, TestMountOptions for $TEST_DEV.
	MkfsOptions, MountOptions, TestMountOptions []string
	// MountProgram and UnmountProgram are mount(8) and umount(8).
	MountProgram, UnmountProgram string
	TimeFactor, LoadFactor       int
	Soak                         time.Duration
	// Unexercised is what a situation that did not come about is: Failure, NotRun or Pass.
	Unexercised Outcome
}

// The variables of our own.
const (
	unexercisedVariable = "IOMAPCHECK_UNEXERCISED"
)

// ReadEnvironment reads the variables; get is os.Getenv.
func ReadEnvironment(get func(string) string) (Environment, error) {
	words := func(name string) []string { return strings.Fields(get(name)) }
	or := func(name, otherwise string) string {
		if v := get(name); v != "" {
			return v
		}
		return otherwise
	}
	e := Environment{
		FSType: get("FSTYP"), TestDir: get("TEST_DIR"), TestDev: get("TEST_DEV"), ScratchDev: get("SCRATCH_DEV"),
		MkfsOptions: words("MKFS_OPTIONS"), MountOptions: words("MOUNT_OPTIONS"), TestMountOptions: words("TEST_FS_MOUNT_OPTS"),
		MountProgram: or("MOUNT_PROG", "mount"), UnmountProgram: or("UMOUNT_PROG", "umount"),
	}
	var errs [4]error
	e.TimeFactor, errs[0] = factor("TIME_FACTOR", get)
	e.LoadFactor, errs[1] = factor("LOAD_FACTOR", get)
	soak, err := strconv.Atoi(or("SOAK_DURATION", "0"))
	if err != nil || soak < 0 {
		errs[2] = fmt.Errorf("SOAK_DURATION %q: want seconds", get("SOAK_DURATION"))
	}
	e.Soak = time.Duration(soak) * time.Second
	e.Unexercised, errs[3] = outcome(or(unexercisedVariable, string(Failure)))
	return e, errors.Join(errs[:]...)
}

// factor is a variable that multiplies something; 1 where it is not set.
func factor(name string, get func(string) string) (int, error) {
	v := get(name)
	if v == "" {
		return 1, nil
	}
	n, err := strconv.Atoi(v)
	if err != nil || n < 1 {
		return 1, fmt.Errorf("%s %q: want a number from 1", name, v)
	}
	return n, nil
}

// outcome reads what unexercised is to be.
func outcome(text string) (Outcome, error) {
	for _, o := range []Outcome{Failure, NotRun, Pass} {
		if text == string(o) {
			return o, nil
		}
	}
	return Failure, fmt.Errorf("%s %q: want %s, %s or %s", unexercisedVariable, text, Failure, NotRun, Pass)
}

// perProgram bounds one program, as the last resort.
const perProgram = 40 * time.Second

// target is this machine's kernel, with the programs where the request wants them. busy is what else uses $TEST_DIR.
func (e Environment) target(ctx context.Context, where Needs, busy *load, report func(string)) (*host.Target, error) {
	c := host.Config{RunLimit: perProgram * time.Duration(e.TimeFactor), Report: report}
	if where == NeedsDisk {
		c.Drive = host.Drive{Device: e.ScratchDev, MkfsOptions: e.MkfsOptions, MountOptions: e.MountOptions}
		return host.Open(ctx, c)
	}
	if e.TestDir == "" {
		return nil, errors.New("TEST_DIR is not set: an xfstests tree's check sets it")
	}
	c.Dir = e.TestDir
	if e.TestDev != "" {
		c.Cycle = func(ctx context.Context) error { return busy.paused(func() error { return e.cycle(ctx) }) }
	}
	return host.Open(ctx, c)
}

// cycle unmounts $TEST_DEV and mounts it again, as check does between tests.
func (e Environment) cycle(ctx context.Context) error {
	mount := append([]string{e.MountProgram, "-t", e.FSType}, e.TestMountOptions...)
	for _, command := range [][]string{{e.UnmountProgram, e.TestDir}, append(mount, e.TestDev, e.TestDir)} {
		out, err := osexec.CommandContext(ctx, command[0], command[1:]...).CombinedOutput()
		if err != nil {
			return fmt.Errorf("%s: %w: %s", strings.Join(command, " "), err, blockdev.OneLine(string(out)))
		}
	}
	return nil
}
