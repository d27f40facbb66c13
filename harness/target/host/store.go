package host

import (
	"bytes"
	"context"
	"fmt"
	osexec "os/exec"

	"github.com/iomapcheck/iomapcheck/harness/target"
)

// keep puts on the store what the disk holds, if a file system was made on it: what follows may check it.
func (d *drive) keep() error {
	if !d.made {
		return nil
	}
	const piece = 1 << 20
	buf, blank := make([]byte, piece), bytes.Repeat([]byte{target.Unwritten()}, piece)
	for off := int64(0); off < d.disk.Size(); off += piece {
		n := int(min(piece, d.disk.Size()-off))
		if _, err := d.disk.ReadAt(buf[:n], off); err != nil {
			return fmt.Errorf("keep the disk: %w", err)
		}
		if bytes.Equal(buf[:n], blank[:n]) {
			continue // nobody wrote there: whatever the store has will do
		}
		if _, err := d.store.WriteAt(buf[:n], off); err != nil {
			return fmt.Errorf("keep the disk on %s: %w", d.config.Device, err)
		}
	}
	if err := d.store.Sync(); err != nil {
		return fmt.Errorf("keep the disk on %s: %w", d.config.Device, err)
	}
	return nil
}

func runQuietly(ctx context.Context, command ...string) error {
	return osexec.CommandContext(ctx, command[0], command[1:]...).Run()
}
