package kernel

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/iomapcheck/iomapcheck/vmimage/kconfig"
)

// kernelMakefile behaves like the kernel's as far as Build goes: defconfig has an option and lacks others.
const kernelMakefile = `defconfig:
	printf 'CONFIG_64BIT=y\nCONFIG_XFS_FS=n\n' > .config
olddefconfig:
	grep -q CONFIG_XFS_FS=m .config
	echo configured >> log
bzImage modules:
	test ! -e broken
	echo $@ >> log
`

func TestATreeIsConfiguredForGuestsAndBuilt(t *testing.T) {
	dir := t.TempDir()
	writeFile(t, filepath.Join(dir, "Makefile"), kernelMakefile)
	var out strings.Builder
	if err := Build(t.Context(), dir, &out); err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	config, err := os.ReadFile(filepath.Join(dir, ".config"))
	if err != nil || !strings.Contains(string(config), "CONFIG_XFS_FS=m") {
		t.Errorf("%v, .config:\n%s", err, config)
	}
	// A configuration that is complete is left alone.
	writeFile(t, filepath.Join(dir, ".config"), kconfig.Fragment())
	if err := os.Remove(filepath.Join(dir, "log")); err != nil {
		t.Fatal(err)
	}
	if err := Build(t.Context(), dir, &out); err != nil {
		t.Fatal(err)
	}
	if log, _ := os.ReadFile(filepath.Join(dir, "log")); strings.Contains(string(log), "configured") || !strings.Contains(string(log), "bzImage") {
		t.Errorf("it did: %s", log)
	}
}

func TestATreeThatDoesNotBuildIsABuildError(t *testing.T) {
	dir := t.TempDir()
	writeFile(t, filepath.Join(dir, "Makefile"), kernelMakefile)
	writeFile(t, filepath.Join(dir, "broken"), "")
	var out strings.Builder
	var failed *BuildError
	if err := Build(t.Context(), dir, &out); !errors.As(err, &failed) || !strings.Contains(failed.Command, "bzImage modules") {
		t.Errorf("got %v", err)
	}
	if err := BuildWith(t.Context(), dir, "echo so; exit 3", &out); !errors.As(err, &failed) || !strings.Contains(out.String(), "so\n") {
		t.Errorf("got %v, output %q", err, out.String())
	}
}

func TestABuildEndsWithWhoWantedItWithAllItStarted(t *testing.T) {
	dir := t.TempDir()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	// Who has been started has the pipe open, so that it ends when all of them have.
	said, output, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer said.Close()
	done := make(chan error, 1)
	go func() {
		done <- BuildWith(ctx, dir, "sleep 1000 & echo begun; sleep 1000", output)
	}()
	if err := said.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(said, make([]byte, len("begun\n"))); err != nil {
		t.Fatal(err)
	}
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	output.Close()
	if _, err := io.ReadAll(said); err != nil {
		t.Errorf("something that the build started goes on: %v", err)
	}
}

func TestACommandThatCannotBeStartedIsNoFaultOfTheTree(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	var failed *BuildError
	if err := Build(t.Context(), t.TempDir(), io.Discard); err == nil || errors.As(err, &failed) {
		t.Errorf("got %v", err)
	}
}
