package kernel

import (
	"context"
	"errors"
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
	done := make(chan error, 1)
	go func() {
		done <- BuildWith(ctx, dir, "touch begun; sleep 1000 & sleep 1000; touch ended", &strings.Builder{})
	}()
	for _, err := os.Stat(filepath.Join(dir, "begun")); err != nil; _, err = os.Stat(filepath.Join(dir, "begun")) {
		time.Sleep(time.Millisecond)
	}
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}
