package campaign

import (
	"context"
	"fmt"

	"github.com/iomapcheck/iomapcheck/harness/target"
	"github.com/iomapcheck/iomapcheck/harness/target/host"
	"github.com/iomapcheck/iomapcheck/harness/target/model"
	"github.com/iomapcheck/iomapcheck/harness/target/vm"
	"github.com/iomapcheck/iomapcheck/vmimage/cache"
)

// TargetOptions say how to open a target by its name.
type TargetOptions struct {
	// Kernel is what the vm target boots, as vm.Config's; Release what the engine behaves like.
	Kernel, Release string
	Accel           string
	Cache           cache.Dir
	// Agent is the static iomapcheck binary.
	Agent string
	// Host says where programs run on this machine's kernel.
	Host   host.Config
	Report func(string)
}

// TargetNames lists the targets there are.
func TargetNames() []string { return []string{"refengine", "vm", "host"} }

// OpenTarget opens a target by name. The caller closes it.
func OpenTarget(ctx context.Context, name string, o TargetOptions) (target.Target, error) {
	switch name {
	case "refengine":
		return model.New(model.Config{Release: o.Release}), nil
	case "vm":
		return vm.Open(ctx, vm.Config{Kernel: o.Kernel, Accel: o.Accel, Cache: o.Cache, Agent: o.Agent, Report: o.Report})
	case "host":
		o.Host.Report = o.Report
		return host.Open(ctx, o.Host)
	}
	return nil, fmt.Errorf("target %q: there are %v", name, TargetNames())
}
