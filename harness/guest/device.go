package guest

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"github.com/iomapcheck/iomapcheck/harness/wire"
)

// device has the file system's device stand ready.
func (a *agent) device(ctx context.Context, p wire.Prepare) error {
	if p.Zones != nil {
		if err := makeZones(*p.Zones); err != nil {
			return err
		}
	}
	ctx, cancel := context.WithTimeout(ctx, deviceLimit)
	defer cancel()
	if err := awaitDevice(ctx, p.Device); err != nil {
		return &unsupportedError{Reason: fmt.Sprintf("this kernel does not know the device: %v after %v", err, deviceLimit)}
	}
	return nil
}

// deviceLimit is how long a driver gets to find its device.
const deviceLimit = 20 * time.Second

// awaitDevice waits for a block device, which NVMe's driver makes some time after it was loaded.
func awaitDevice(ctx context.Context, path string) error {
	for {
		_, err := os.Stat(path)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for %s: %w", path, err)
		case <-time.After(2 * time.Millisecond):
		}
	}
}

// configfs is where it is mounted.
const configfs = "/sys/kernel/config"

// makeZones makes the zoned null_blk, in place of the one that an earlier program wrote.
func makeZones(z wire.Zones) error {
	if err := unix.Mount("configfs", configfs, "configfs", 0, ""); err != nil && err != unix.EBUSY {
		return fmt.Errorf("mount configfs: %w", err)
	}
	dir := filepath.Join(configfs, "nullb", "nullb0")
	if err := os.Remove(dir); err != nil && !os.IsNotExist(err) {
		return fmt.Errorf("remove the zoned null_blk: %w", err)
	}
	if err := os.Mkdir(dir, 0o755); err != nil {
		return &unsupportedError{Reason: fmt.Sprintf("this kernel's null_blk cannot be configured: %v", err)}
	}
	for _, set := range []struct {
		name  string
		value int64
	}{
		{"zoned", 1}, {"zone_size", 1}, {"zone_nr_conv", int64(z.Conventional)}, {"size", int64(z.SizeMiB)},
		{"blocksize", z.Sector}, {"memory_backed", 1}, {"power", 1},
	} {
		err := os.WriteFile(filepath.Join(dir, set.name), []byte(strconv.FormatInt(set.value, 10)), 0)
		if err != nil {
			return &unsupportedError{Reason: fmt.Sprintf("this kernel's null_blk has no zones: set %s to %d: %v", set.name, set.value, err)}
		}
	}
	return nil
}
