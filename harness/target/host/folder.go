package host

import (
	"context"
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"github.com/iomapcheck/iomapcheck/harness/exec"
	"github.com/iomapcheck/iomapcheck/harness/fsys"
	"github.com/iomapcheck/iomapcheck/harness/prog"
)

// folder is a ground below a folder of a mounted file system.
type folder struct {
	dir   string
	cycle func(context.Context) error
}

func openFolder(c Config) (*folder, error) {
	info, err := os.Stat(c.Dir)
	if err == nil && !info.IsDir() {
		err = errors.New("it is no folder")
	}
	if err != nil {
		return nil, fmt.Errorf("run programs in %s: %w", c.Dir, err)
	}
	return &folder{dir: c.Dir, cycle: c.Cycle}, nil
}

// FSOf is the file system that a folder is on.
func FSOf(dir string) (fsys.Spec, error) {
	m, err := mountOf(dir)
	if err != nil {
		return fsys.Spec{}, err
	}
	return fsys.Recognise(m.kind, m.options, m.block)
}

// is what is mounted there.
func (f *folder) is(_ context.Context, name string) (fsys.Spec, error) {
	spec, err := FSOf(f.dir)
	if err == nil && name != "" && name != spec.String() && name != spec.Name() {
		return fsys.Spec{}, fmt.Errorf("%s is on %s, not on %s", f.dir, spec, name)
	}
	return spec, err
}

func (f *folder) lacks(p prog.Program) string {
	for _, s := range p.Steps() {
		switch s.Op.Verb {
		case prog.VHold, prog.VAwaitHeld, prog.VFail, prog.VCut:
			return fmt.Sprintf("op %d: %s: it takes the programmable disk, and %s is on another one", s.N, s.Op, f.dir)
		case prog.VRemount:
			if f.cycle == nil {
				return fmt.Sprintf("op %d: %s: the file system of %s has to stay mounted", s.N, s.Op, f.dir)
			}
		}
	}
	if p.FillsDisk() {
		return fmt.Sprintf("it would fill up the file system of %s", f.dir)
	}
	return ""
}

func (f *folder) fresh() bool { return false }

func (f *folder) close() error { return nil }

// lay makes a folder for the program.
func (f *folder) lay(_ context.Context, r *run) (site, error) {
	m, err := mountOf(f.dir)
	if err != nil {
		return nil, err
	}
	root, err := os.MkdirTemp(f.dir, "iomapcheck-")
	if err != nil {
		return nil, fmt.Errorf("make a folder for the program: %w", err)
	}
	if f.cycle == nil {
		r.note("stays-mounted", "the file system stays mounted: where a program reads after a remount, it is after a sync with the caches dropped")
	}
	return &folderSite{folder: f, root: root, mount: m}, nil
}

// folderSite is one program's folder.
type folderSite struct {
	folder *folder
	root   string
	mount  mount
}

func (s *folderSite) fill(r *run) {
	r.env.Root, r.env.Disk = s.root, counted{s.mount.stat}
	r.device = s.mount.device
	r.env.Remount = func() error { return s.remount() }
}

// remount empties the caches at least.
func (s *folderSite) remount() error {
	if s.folder.cycle != nil {
		ctx, cancel := context.WithTimeout(context.Background(), setupLimit)
		defer cancel()
		return s.folder.cycle(ctx)
	}
	dir, err := os.Open(s.root)
	if err != nil {
		return fmt.Errorf("sync the file system: %v", err) // not wrapped: an errno would be the kernel's answer to a mount
	}
	defer dir.Close()
	if err := unix.Syncfs(int(dir.Fd())); err != nil {
		return fmt.Errorf("sync the file system: %v", err)
	}
	return exec.DropCaches()
}

func (s *folderSite) clear(context.Context) error {
	if err := os.RemoveAll(s.root); err != nil {
		return fmt.Errorf("remove the program's folder: %w", err)
	}
	return nil
}
