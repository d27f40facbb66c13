// Package initramfs packs a guest's whole file system into a cpio archive the kernel unpacks at boot: the agent as /init, the kernel
// modules with their load order, and the tools.
//
// The archive is two: what seldom changes (modules, tools: 20 MB), and the agent, which changes with every build. The kernel accepts
// archives joined end to end, so that a rebuilt agent costs a copy instead of a build. Nothing is compressed: it would only have to be
// unpacked under emulation.
package initramfs

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/iomapcheck/iomapcheck/vmimage/cache"
	"github.com/iomapcheck/iomapcheck/vmimage/kernel"
	"github.com/iomapcheck/iomapcheck/vmimage/userland"
)

// Config says what the guest has.
type Config struct {
	// Init is the path of a static binary: /init in the guest, PID 1.
	Init string

	// Modules become /modules/NAME.ko, and /modules/index with a line each: "xfs: crc32c_generic.ko libcrc32c.ko xfs.ko", in load
	// order; "virtio_console:" if it is built in.
	Modules []kernel.Loading

	// Files are the tools and their libraries.
	Files []userland.File
}

// Image is a finished initramfs.
type Image struct {
	Path string // uncompressed newc archive
	Key  string // content hash: equal keys mean equal guests
	Size int64  // bytes
}

// keepImages and idleImage bound what a day of rebuilding the agent leaves behind.
const (
	keepImages = 8
	idleImage  = 30 * time.Minute
)

// Build returns the image for config, from the cache if nothing changed.
func Build(ctx context.Context, dir cache.Dir, config Config) (*Image, error) {
	base, baseKey, err := buildBase(ctx, dir, config)
	if err != nil {
		return nil, fmt.Errorf("build initramfs: %w", err)
	}
	agentKey, err := hashFile(config.Init)
	if err != nil {
		return nil, fmt.Errorf("build initramfs: %w", err)
	}
	key := cache.Key(baseKey, agentKey)
	path, err := publish(ctx, dir, "initramfs", key, func(file io.Writer) error { return join(file, base, config.Init) })
	if err != nil {
		return nil, fmt.Errorf("build initramfs: %w", err)
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("build initramfs: %w", err)
	}
	return &Image{Path: path, Key: key, Size: info.Size()}, nil
}

// buildBase packs everything but the agent.
func buildBase(ctx context.Context, dir cache.Dir, config Config) (path, key string, err error) {
	entries := baseEntries(config)
	if key, err = entriesKey(entries); err != nil {
		return "", "", err
	}
	path, err = publish(ctx, dir, "initramfs-base", key, func(file io.Writer) error { return writeArchive(file, entries) })
	return path, key, err
}

// publish is an entry of class, made by write unless it is there and whole, and the removal of entries long not used.
func publish(ctx context.Context, dir cache.Dir, class, key string, write func(io.Writer) error) (string, error) {
	name := key + ".cpio"
	if err := removeDamaged(dir.Path(class, name)); err != nil {
		return "", err
	}
	path, err := dir.Publish(ctx, class, name, func(path string) error { return writeFile(path, write) })
	if err != nil {
		return "", err
	}
	cache.Touch(path)
	return path, dir.Prune(ctx, class, keepImages, idleImage)
}

// removeDamaged removes an archive that was cut short (a crash of the host can do that).
func removeDamaged(path string) error {
	file, err := os.Open(path)
	if err != nil {
		return nil // it is not there yet, or Publish will say what is wrong
	}
	defer file.Close()
	end := make([]byte, len(trailer)+4)
	if _, err := file.Seek(-int64(len(end)), io.SeekEnd); err == nil {
		_, err = io.ReadFull(file, end)
		if err == nil && bytes.Contains(end, []byte(trailer)) {
			return nil
		}
	}
	return os.Remove(path)
}

// join writes the base and, behind it, an archive with the agent alone.
func join(w io.Writer, base, init string) error {
	constant, err := os.Open(base)
	if err != nil {
		return err
	}
	defer constant.Close()
	if _, err := io.Copy(w, constant); err != nil {
		return err
	}
	return writeArchive(w, []entry{{path: "/init", host: init, mode: 0o755}})
}

func writeFile(path string, write func(io.Writer) error) error {
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	if err := write(file); err != nil {
		file.Close()
		return fmt.Errorf("write %s: %w", path, err)
	}
	return file.Close()
}

func hashFile(path string) (string, error) {
	file, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer file.Close()
	hash := sha256.New()
	if _, err := io.Copy(hash, file); err != nil {
		return "", fmt.Errorf("read %s: %w", path, err)
	}
	return hex.EncodeToString(hash.Sum(nil)), nil
}
