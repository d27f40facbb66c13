package main

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/iomapcheck/iomapcheck/harness/campaign"
	"github.com/iomapcheck/iomapcheck/harness/fsys"
	"github.com/iomapcheck/iomapcheck/harness/history"
	"github.com/iomapcheck/iomapcheck/harness/prog"
	"github.com/iomapcheck/iomapcheck/harness/target"
	"github.com/iomapcheck/iomapcheck/harness/target/model"
	"github.com/iomapcheck/iomapcheck/vmimage/accel"
	"github.com/iomapcheck/iomapcheck/vmimage/kernel"
	"github.com/iomapcheck/iomapcheck/vmimage/qemu"
)

// engine runs a small program on the reference engine.
func (d *doctor) engine(ctx context.Context) finding {
	t := model.New(model.Config{Release: campaign.DefaultRelease})
	defer t.Close()
	p := prog.New(prog.Write("f", 0, 4*prog.KiB, 'n'), prog.DirectRead("f", 0, 4*prog.KiB).Returns('n'))
	operations := 0
	err := t.Run(ctx, target.Job{Program: p, FS: fsys.Defaults()[0], Name: "doctor", Budget: 1}, func(x target.Execution) bool {
		operations = len(x.History.Of(history.Return))
		return false
	})
	if err != nil {
		return missing("report this", "the reference engine does not run: %v", err)
	}
	return ok("the reference engine, as Linux %s, ran a program of %d operations", t.Release(), operations)
}

// staticAgent looks whether this program can be a guest's first process.
func (d *doctor) staticAgent(context.Context) finding {
	path, err := d.agent()
	if err != nil {
		return missing("make", "%v", err)
	}
	return ok("%s is static and can run in a guest", path)
}

// The newest QEMU major version whose multi-threaded TCG is not safe, and what to do about it.
const (
	safeTCG   = 10
	newerQEMU = "for more than one processor in a guest install QEMU 10 (Debian 12: apt-get install -t bookworm-backports qemu-system-x86)"
)

func (d *doctor) qemu(ctx context.Context) finding {
	binary, err := qemu.Find(ctx, "")
	if errors.Is(err, qemu.ErrNoQEMU) {
		return missing("apt-get install qemu-system-x86", "qemu-system-x86_64 is not installed")
	}
	if err != nil {
		return missing("repair the QEMU installation", "%v", err)
	}
	about := "QEMU " + binary.Version + " with " + accelerators(ctx, binary.Path)
	if !binary.Qboot {
		about += ", without the qboot firmware: boots take longer"
	}
	if binary.Major < safeTCG {
		return warn(newerQEMU, "%s; before %d an emulated guest gets one processor, since its translator's threads race with the kernel's patching of its own code", about, safeTCG)
	}
	return ok("%s", about)
}

// accelerators asks QEMU what it was built with.
func accelerators(ctx context.Context, path string) string {
	out, err := output(ctx, path, "-accel", "help")
	if err != nil {
		return "accelerators unknown"
	}
	_, list, _ := strings.Cut(out, "\n")
	return strings.Join(strings.Fields(list), " and ")
}

// kvm looks at the device alone: that it opens does not mean that a guest runs.
func (d *doctor) kvm(context.Context) finding {
	const path = "/dev/kvm"
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return warn("use a machine with virtualization, nested if it is a guest itself; everything works without, about ten times slower", "there is no %s", path)
	case errors.Is(err, fs.ErrPermission):
		return warn("make the user a member of the group kvm: usermod -aG kvm USER", "%s is there, but not for this user", path)
	case err != nil:
		return warn("look whether the module kvm_intel or kvm_amd is loaded", "%s cannot be used: %v", path, err)
	}
	defer file.Close()
	if _, err := unix.IoctlRetInt(int(file.Fd()), kvmGetAPIVersion); err != nil {
		return warn("look whether the module kvm_intel or kvm_amd is loaded", "%s opens but does not answer: %v", path, err)
	}
	return ok("%s opens and answers (whether a guest runs is the next check)", path)
}

// kvmGetAPIVersion is KVM_GET_API_VERSION of linux/kvm.h.
const kvmGetAPIVersion = 0xAE00

// acceleration finds out by booting a cached kernel, or says what is remembered.
func (d *doctor) acceleration(ctx context.Context) finding {
	binary, err := qemu.Find(ctx, "")
	if err != nil {
		return warn("install QEMU first", "not known without QEMU")
	}
	prober := accel.Prober{Cache: d.cache, Binary: binary}
	choice, known := prober.Remembered()
	switch kernels := d.cachedKernels(); {
	case known:
	case d.noBoot:
		return warn("run doctor without --no-boot", "not known yet on this boot of the machine")
	case len(kernels) == 0:
		return warn("iomapcheck image build", "not known yet: no kernel is cached to boot; the first vm run finds out")
	default:
		if choice, err = d.boot(ctx, prober, kernels[0]); err != nil {
			return warn("mend the cached kernel with iomapcheck image clean --all", "not found out: %v", err)
		}
	}
	if choice.Accel == qemu.TCG {
		return warn("where KVM works, guests are about ten times faster", "guests are emulated (TCG): %s", choice.Reason)
	}
	return ok("guests run under %s: %s", choice.Accel, choice.Reason)
}

func (d *doctor) boot(ctx context.Context, prober accel.Prober, c kernel.Cached) (accel.Choice, error) {
	k, err := kernel.Resolver{Cache: d.cache}.Open(ctx, c)
	if err != nil {
		return accel.Choice{}, err
	}
	prober.Vmlinux, prober.Image = k.Vmlinux, k.Image
	return prober.Choose(ctx)
}
