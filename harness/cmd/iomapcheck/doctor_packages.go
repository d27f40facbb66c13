package main

import (
	"context"
	"fmt"
	"os/exec"
	"strings"
	"time"

	"github.com/iomapcheck/iomapcheck/vmimage/apt"
	"github.com/iomapcheck/iomapcheck/vmimage/kernel"
	"github.com/iomapcheck/iomapcheck/vmimage/userland"
)

// kernels lists what is cached.
func (d *doctor) kernels(context.Context) finding {
	kernels, err := kernel.Resolver{Cache: d.cache}.Cached()
	if err != nil {
		return missing("give another folder with --cache", "the cache cannot be read: %v", err)
	}
	if len(kernels) == 0 {
		return warn("iomapcheck image build", "none is cached; the first vm run fetches one")
	}
	var names []string
	for _, k := range kernels {
		names = append(names, k.Release)
	}
	return ok("cached: %s", strings.Join(names, ", "))
}

// guestTools looks for the mkfs tools of the guest.
func (d *doctor) guestTools(context.Context) finding {
	if !userland.Cached(d.cache) {
		return warn("iomapcheck image build", "the guest's mkfs tools are not cached; the first vm run fetches them")
	}
	return ok("the guest's mkfs tools are cached")
}

// unlessSupplied is what to say where packages cannot be had: it matters only if something still has to be fetched.
func (d *doctor) unlessSupplied(remedy, format string, args ...any) finding {
	if d.supplied() {
		return warn(remedy, format+"; what is cached still works", args...)
	}
	return missing(remedy, format, args...)
}

func (d *doctor) dpkgDeb(context.Context) finding {
	path, err := exec.LookPath("dpkg-deb")
	if err != nil {
		return d.unlessSupplied("apt-get install dpkg, or build on Debian or Ubuntu and copy the cache", "dpkg-deb is not installed: packages cannot be unpacked")
	}
	return ok("%s unpacks packages", path)
}

// apt asks the machine's package sources for kernels, which fetches the lists where those are old.
func (d *doctor) apt(ctx context.Context) finding {
	for _, tool := range []string{"apt-get", "apt-cache"} {
		if _, err := exec.LookPath(tool); err != nil {
			return d.unlessSupplied("give a kernel by its path, or copy the cache of a Debian or Ubuntu machine", "%s is not installed: packages cannot be fetched", tool)
		}
	}
	archive := apt.Open(d.cache)
	if d.noFetch {
		return d.listsAge(archive)
	}
	offers, err := kernel.Resolver{Cache: d.cache, Archive: archive}.Offered(ctx)
	if err != nil {
		return d.unlessSupplied("look at the network and at /etc/apt/sources.list", "packages cannot be fetched: %v", err)
	}
	if len(offers) == 0 {
		return d.unlessSupplied("add a suite with kernels to /etc/apt/sources.list, or give a kernel by its path", "the package sources offer no kernel for amd64")
	}
	var series []string
	for _, o := range offers {
		if len(o.Missing) == 0 {
			series = append(series, "debian:"+o.Series)
		}
	}
	return ok("offers the kernels %s; %s", strings.Join(series, ", "), age(archive))
}

// listsAge is all that can be said without fetching.
func (d *doctor) listsAge(archive *apt.Archive) finding {
	if _, fetched := archive.Updated(); !fetched {
		return d.unlessSupplied("run doctor without --no-fetch", "not known whether packages can be fetched: %s", age(archive))
	}
	return ok("not asked; %s", age(archive))
}

func age(archive *apt.Archive) string {
	updated, fetched := archive.Updated()
	if !fetched {
		return "package lists were never fetched"
	}
	return fmt.Sprintf("package lists are %v old", time.Since(updated).Round(time.Minute))
}
