package main

import (
	"context"
	"fmt"
	"os"

	"github.com/spf13/cobra"
)

// cached is a class of what the cache keeps.
type cached struct {
	class, what string
	// image says that it is made from the rest, without a network.
	image bool
}

// classes lists the classes that clean knows. It removes nothing else: the cache folder may be a shared one.
func classes() []cached {
	return []cached{
		{"snapshots", "snapshots of machines", true},
		{"initramfs", "guest images", true},
		{"initramfs-base", "guest images without the agent", true},
		{"xfstests-tree", "built xfstests trees", true},
		{"xfstests-blank", "blank disks for stock tests", true},
		{"xfstests-userland", "disks of the userland of stock tests", true},
		{"userland-whole", "the userland of stock tests", false},
		{"kernels", "kernels", false},
		{"newest", "answers: the newest kernels", false},
		{"trees", "modules of built trees", true},
		{"vmlinux", "uncompressed kernels", false},
		{"modules", "kernel modules", false},
		{"userland", "guest tools", false},
		{"userland-shell", "the shell of a guest", false},
		{"apt", "package lists", false},
		{"agent", "the guest agent", false},
		{"accel", "the acceleration as probed", false},
	}
}

func (a *app) imageClean() *cobra.Command {
	var all bool
	cmd := &cobra.Command{
		Use: "clean", Short: "removes guest images and snapshots from the cache, with --all also kernels and tools, and says what it freed", Args: cobra.NoArgs,
		Long: `clean removes guest images and snapshots from the cache; the next run makes them again. With --all it also removes what has to be fetched again:
kernels, guest tools, package lists; and what is known about the acceleration. It waits for runs that are building something.`,
		Example: "  iomapcheck image clean\n  iomapcheck image clean --all",
		RunE:    func(cmd *cobra.Command, _ []string) error { return a.clean(cmd.Context(), all) },
	}
	cmd.Flags().BoolVar(&all, "all", false, "also kernels, guest tools, package lists and the remembered acceleration")
	return cmd
}

func (a *app) clean(ctx context.Context, all bool) error {
	var total int64
	for _, c := range classes() {
		if !c.image && !all || !exists(a.cache().Path(c.class)) {
			continue
		}
		freed, err := a.remove(ctx, c.class)
		if err != nil {
			return fmt.Errorf("clean %s: %w", c.what, err)
		}
		total += freed
		if _, err := fmt.Fprintf(a.out, "%10s  %s\n", mebibytes(freed), c.what); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintf(a.out, "%10s  freed in %s\n", mebibytes(total), a.cacheDir)
	return err
}

// remove removes a class while nobody builds in it.
func (a *app) remove(ctx context.Context, class string) (freed int64, err error) {
	unlock, err := a.cache().Lock(ctx, class)
	if err != nil {
		return 0, err
	}
	defer unlock()
	path := a.cache().Path(class)
	freed = diskUsage(path)
	return freed, os.RemoveAll(path)
}
