package vm

import (
	"github.com/iomapcheck/iomapcheck/vmimage/initramfs"
	"github.com/iomapcheck/iomapcheck/vmimage/kernel"
)

// Kernel is what the target's machines boot.
func (t *Target) Kernel() kernel.Kernel { return *t.kernel }

// Image is the initramfs that they boot with.
func (t *Target) Image() initramfs.Image { return *t.image }
