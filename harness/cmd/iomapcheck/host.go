package main

import (
	"errors"

	"github.com/spf13/cobra"

	"github.com/iomapcheck/iomapcheck/harness/target/host"
)

// hostFlags say where programs run on this machine's kernel.
type hostFlags struct{ dir, device string }

func (f *hostFlags) registerHost(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.dir, "dir", "", "for the host target: a folder of a mounted file system to run in, for programs that need no programmable disk")
	cmd.Flags().StringVar(&f.device, "device", "", "for the host target: a block device that gets what the last program left on the programmable disk; it is overwritten")
}

// checkHost finds flags that are about the host target alone, or about each other.
func (f *hostFlags) checkHost(target string) error {
	switch {
	case f.dir+f.device != "" && target != "host":
		return errors.New("--dir, --device: only the host target has them, not " + target)
	case f.dir != "" && f.device != "":
		return errors.New("--dir, --device: programs run in a folder or on the programmable disk, not both")
	}
	return nil
}

// hostFS is the file system of the folder, where one is given and no file system is named: there is no other there.
func (f *hostFlags) hostFS(fs []string) ([]string, error) {
	if f.dir == "" || len(fs) > 0 {
		return fs, nil
	}
	spec, err := host.FSOf(f.dir)
	return []string{spec.String()}, err
}

func (f *hostFlags) config() host.Config {
	return host.Config{Dir: f.dir, Drive: host.Drive{Device: f.device}}
}
