package attach

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/iomapcheck/iomapcheck/harness/disk"
)

// Device is a disk as a block device. Close detaches it.
type Device struct {
	// Path is its node, as in /dev/nbd0.
	Path string
	// Way is how it is attached, "nbd" or "loop".
	Way    string
	detach func() error
}

// UnavailableError says that this machine offers no way to attach a disk, and what was tried.
type UnavailableError struct{ Why string }

func (e *UnavailableError) Error() string { return "no programmable disk: " + e.Why }

// Ways lists the ways there are, in the order in which Open tries them.
func Ways() []string { return []string{"nbd", "loop"} }

// Open attaches the disk, which serves the kernel until Close. An *UnavailableError says that it cannot be done here; any other error is a
// fault. ways narrows how it may be done; none is every way.
func Open(ctx context.Context, d *disk.Disk, ways ...string) (*Device, error) {
	if len(ways) == 0 {
		ways = Ways()
	}
	var why error
	for _, way := range ways {
		dev, err := open(ctx, d, way)
		var unavailable *UnavailableError
		if err == nil || !errors.As(err, &unavailable) {
			return dev, err
		}
		why = errors.Join(why, errors.New(way+": "+unavailable.Why))
	}
	return nil, &UnavailableError{oneLine(why)}
}

func open(ctx context.Context, d *disk.Disk, way string) (*Device, error) {
	var dev *Device
	var err error
	switch way {
	case "nbd":
		dev, err = openNBD(ctx, d)
	case "loop":
		dev, err = openLoop(d)
	default:
		return nil, fmt.Errorf("attach disk by %q: there are %v", way, Ways())
	}
	if err != nil {
		return nil, err
	}
	dev.Way = way
	inOrder(dev.Path)
	return dev, nil
}

// inOrder has the kernel send requests in the order in which it gets them: a scheduler would let reads pass the writes before them. One that
// cannot be chosen is none.
func inOrder(path string) {
	_ = os.WriteFile(filepath.Join("/sys/block", filepath.Base(path), "queue/scheduler"), []byte("none"), 0)
}

// Close detaches the device. What is mounted on it must be unmounted first; what is still asked of it fails.
func (d *Device) Close() error { return d.detach() }

// oneLine joins errors by semicolons.
func oneLine(err error) string {
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return err.Error()
	}
	text := ""
	for _, e := range joined.Unwrap() {
		if text != "" {
			text += "; "
		}
		text += oneLine(e)
	}
	return text
}
