package host

import (
	"os"
	"path/filepath"

	"github.com/iomapcheck/iomapcheck/harness/detached"
)

// tracefs is where the kernel's trace is found. Where nobody has mounted it, it is mounted for us alone.
type tracefs struct {
	root string
	own  *detached.Mount // nil for the usual place
}

// findTracefs looks in the usual places first. A kernel without tracefs is an error.
func findTracefs() (tracefs, error) {
	for _, usual := range []string{"/sys/kernel/tracing", "/sys/kernel/debug/tracing"} {
		if _, err := os.Stat(filepath.Join(usual, "instances")); err == nil {
			return tracefs{root: usual}, nil
		}
	}
	m, err := detached.New(detached.Spec{Kind: "tracefs", Source: "tracefs"})
	if err != nil {
		return tracefs{}, err
	}
	return tracefs{root: m.Path, own: m}, nil
}

// close unmounts what findTracefs has mounted.
func (t tracefs) close() error {
	if t.own == nil {
		return nil
	}
	return t.own.Close()
}
