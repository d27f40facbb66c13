package ktrace

import (
	"errors"
	"fmt"
	"path/filepath"
)

// findRoot gives the root of tracefs, looking in the two places where it is mounted if none is given.
func findRoot(fs tree, root string) (string, error) {
	places := []string{root}
	if root == "" {
		places = []string{"/sys/kernel/tracing", "/sys/kernel/debug/tracing"}
	}
	var failed []error
	for _, p := range places {
		ok, err := fs.exists(filepath.Join(p, "instances"))
		if ok {
			return p, nil
		}
		failed = append(failed, err)
	}
	if err := errors.Join(failed...); err != nil {
		return "", fmt.Errorf("find tracefs (needs root): %w", err)
	}
	return "", fmt.Errorf("find tracefs in %q: no folder named instances there; mount it (mount -t tracefs nodev %s) or use a kernel with CONFIG_FTRACE",
		places, places[0])
}
