package main

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"github.com/iomapcheck/iomapcheck/harness/target/vm"
	"github.com/iomapcheck/iomapcheck/vmimage/apt"
	"github.com/iomapcheck/iomapcheck/vmimage/kconfig"
	"github.com/iomapcheck/iomapcheck/vmimage/kernel"
)

func (a *app) image() *cobra.Command {
	cmd := &cobra.Command{
		Use: "image", Short: "builds and lists what virtual machines boot: kernels and guest images", Args: cobra.NoArgs,
		Example: "  iomapcheck image build --kernel debian:6.12\n  iomapcheck image kernels --offered\n  iomapcheck image clean --all",
		RunE:    func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(a.imageBuild(), a.imageKernels(), a.imageKconfig(), a.imageClean())
	return cmd
}

func (a *app) imageBuild() *cobra.Command {
	f := &targetFlags{}
	cmd := &cobra.Command{
		Use: "build", Short: "gets a kernel, builds its guest image and finds out the acceleration, as a vm run would", Args: cobra.NoArgs,
		Long: `build fetches and makes, once, all that a run on this kernel needs: the kernel, the guest's tools, the initramfs. After it a run
needs no network. It says where the image is and how machines are accelerated, and why.`,
		Example: "  iomapcheck image build\n  iomapcheck image build --kernel debian:6.1\n  iomapcheck image build --kernel tree:$HOME/src/linux",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := f.check(); err != nil {
				return usage(err)
			}
			return a.buildImage(cmd.Context(), *f)
		},
	}
	f.registerKernel(cmd)
	return cmd
}

func (a *app) buildImage(ctx context.Context, f targetFlags) error {
	self, err := agent()
	if err != nil {
		return err
	}
	p := newProgress(a.errOut)
	defer p.close()
	p.set("preparing " + f.kernel)
	t, err := vm.Open(ctx, vm.Config{
		Kernel: f.kernel, Accel: f.accel, Cache: a.cache(), Agent: self,
		Report: func(line string) { _ = p.println(a.errOut, line) },
	})
	if err != nil {
		return err
	}
	defer t.Close()
	k, image := t.Kernel(), t.Image()
	return p.println(a.out, strings.Join(labelled([][2]string{
		{"kernel", k.Release}, {"package", k.PackageVersion}, {"note", k.Note},
		{"image", fmt.Sprintf("%s (%s)", image.Path, mebibytes(image.Size))},
		{"accel", fmt.Sprintf("%s: %s", t.Accel().Accel, t.Accel().Reason)},
	}), "\n"))
}

// labelled makes a line of each label and value, leaving out empty values.
func labelled(rows [][2]string) []string {
	var lines []string
	for _, row := range rows {
		if row[1] != "" {
			lines = append(lines, fmt.Sprintf("%-8s %s", row[0], row[1]))
		}
	}
	return lines
}

func mebibytes(n int64) string { return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20)) }

func (a *app) imageKconfig() *cobra.Command {
	return &cobra.Command{
		Use: "kconfig", Short: "prints the options that a kernel needs, to be merged into its .config", Args: cobra.NoArgs,
		Long: `kconfig prints a fragment of a kernel configuration: what a kernel must be built with so that a guest runs, and below "for …" what
is needed for each thing that can be checked. --kernel tree:DIR says which of them a built tree lacks.`,
		Example: "  iomapcheck image kconfig > /tmp/iomapcheck.config && scripts/kconfig/merge_config.sh .config /tmp/iomapcheck.config",
		RunE: func(*cobra.Command, []string) error {
			_, err := fmt.Fprint(a.out, kconfig.Fragment())
			return err
		},
	}
}

func (a *app) imageKernels() *cobra.Command {
	var series []string
	var offered bool
	cmd := &cobra.Command{
		Use: "kernels", Short: "lists the kernels in the cache, or those that apt offers", Args: cobra.NoArgs,
		Long: `kernels lists the kernels that are unpacked in the cache: release, package version, size there. With --offered it lists the newest
kernel of each series in any suite of this machine's Debian mirror (or, on other machines, in their apt sources), as --kernel takes
them: debian:SERIES, and whether it is cached or how much is to be fetched. It fetches package lists if they are older than a day,
and no package.`,
		Example: "  iomapcheck image kernels\n  iomapcheck image kernels --kernel 6.12,6.1 --offered",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if offered {
				return a.listOffered(cmd.Context(), series)
			}
			return a.listCached(series)
		},
	}
	cmd.Flags().StringSliceVar(&series, "kernel", nil, "only these series, as in 6.12 or debian:6.12")
	cmd.Flags().BoolVar(&offered, "offered", false, "what apt offers, by series")
	return cmd
}

// ofSeries says whether the release is of one of the series; none are all.
func ofSeries(release string, series []string) bool {
	for _, s := range series {
		s = strings.TrimPrefix(s, "debian:")
		rest, ok := strings.CutPrefix(release, s)
		if ok && (rest == "" || rest[0] < '0' || rest[0] > '9') {
			return true
		}
	}
	return len(series) == 0
}

func (a *app) listCached(series []string) error {
	kernels, err := kernel.Resolver{Cache: a.cache()}.Cached()
	if err != nil {
		return err
	}
	table := tabwriter.NewWriter(a.out, 0, 0, 2, ' ', 0)
	for _, k := range kernels {
		if ofSeries(k.Release, series) {
			fmt.Fprintf(table, "%s\t%s\t%s\n", k.Release, k.PackageVersion, mebibytes(diskUsage(k.Path)))
		}
	}
	return table.Flush()
}

func (a *app) listOffered(ctx context.Context, series []string) error {
	archive := apt.Open(a.cache())
	archive.Report = func(line string) { fmt.Fprintln(a.errOut, line) }
	offers, err := kernel.Resolver{Cache: a.cache(), Archive: archive}.Offered(ctx)
	if err != nil {
		return err
	}
	table := tabwriter.NewWriter(a.out, 0, 0, 2, ' ', 0)
	for _, o := range offers {
		if ofSeries(o.Release, series) {
			fmt.Fprintf(table, "debian:%s\t%s\t%s\t%s\n", o.Series, o.Release, o.PackageVersion, a.availability(o))
		}
	}
	return table.Flush()
}

// availability says what it takes to boot an offered kernel.
func (a *app) availability(o kernel.Offer) string {
	switch {
	case len(o.Missing) > 0:
		return "not to be had: the archive lacks " + strings.Join(o.Missing, ", ")
	case kernel.Resolver{Cache: a.cache()}.Has(o):
		return "cached"
	}
	return mebibytes(o.Size) + " to fetch"
}

// diskUsage is what a file or folder takes on its disk, in bytes, as far as it can be read.
func diskUsage(root string) int64 {
	var total int64
	_ = filepath.WalkDir(root, func(path string, _ fs.DirEntry, err error) error {
		var stat unix.Stat_t
		if err == nil && unix.Lstat(path, &stat) == nil {
			total += stat.Blocks * 512 // what stat(2) counts in
		}
		return nil
	})
	return total
}

// exists says whether there is something at path.
func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}
