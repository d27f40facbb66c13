package kernel

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"slices"
)

// stripAtOnce bounds one command line.
const stripAtOnce = 200

// stripDebug takes debug information out of module files, as make modules_install INSTALL_MOD_STRIP=1 does: with it xfs.ko is 60 MB, all
// of which a guest would have to unpack under emulation. Where there is no strip (the tree was built on another machine) they stay as
// they are: that is slower, not wrong.
func stripDebug(ctx context.Context, files []string) error {
	strip, err := exec.LookPath("strip")
	if err != nil {
		return nil
	}
	for some := range slices.Chunk(files, stripAtOnce) {
		cmd := exec.CommandContext(ctx, strip, append([]string{"--strip-debug"}, some...)...)
		var stderr bytes.Buffer
		cmd.Stderr = &stderr
		if err := cmd.Run(); err != nil {
			first, _, _ := bytes.Cut(bytes.TrimSpace(stderr.Bytes()), []byte("\n"))
			return fmt.Errorf("strip modules: %w: %s", err, first)
		}
	}
	return nil
}
