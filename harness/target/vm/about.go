package vm

import (
	"github.com/iomapcheck/iomapcheck/harness/oops/symbol"
	"github.com/iomapcheck/iomapcheck/vmimage/initramfs"
	"github.com/iomapcheck/iomapcheck/vmimage/kernel"
)

// Kernel is what the target's machines boot.
func (t *Target) Kernel() kernel.Kernel { return *t.kernel }

// Image is the initramfs that they boot with.
func (t *Target) Image() initramfs.Image { return *t.image }

// Symbols are the files that tell of the kernel's functions, as far as this machine has them.
func (t *Target) Symbols() symbol.Sources {
	k := t.kernel
	return symbol.Find(symbol.Kernel{Release: k.Release, Image: k.Image, ModulesDir: k.ModulesDir}, symbol.DebugRoot)
}
