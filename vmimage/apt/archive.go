// Package apt fetches distribution packages through the machine's own apt configuration without installing anything.
//
// The sources, keyrings, pins and proxies are the machine's (Dir::Etc stays), so apt checks the signatures as always; lists,
// archives and package state are ours, below the cache folder, so no root is needed and the machine's own state is neither read nor
// changed. Our package state is empty: to apt nothing is installed, and "with dependencies" means the complete closure.
package apt

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"github.com/iomapcheck/iomapcheck/vmimage/cache"
)

// maxAge is how old the package lists may be before they are fetched again.
const maxAge = 24 * time.Hour

// Archive is what the machine's apt sources offer. Several processes may use one cache folder: each operation holds its apt lock.
type Archive struct {
	cache cache.Dir

	// Report, if not nil, is called with one line before anything that may take more than a moment.
	Report func(line string)

	// unreachable is set when lists could not be fetched, so that one run waits for a dead network once.
	unreachable atomic.Bool
}

// Open returns the archive whose state lives below dir. It touches nothing yet.
func Open(dir cache.Dir) *Archive { return &Archive{cache: dir} }

func (a *Archive) path(elem ...string) string {
	return a.cache.Path(append([]string{"apt"}, elem...)...)
}

func (a *Archive) report(format string, args ...any) {
	if a.Report != nil {
		a.Report(fmt.Sprintf(format, args...))
	}
}

// begin locks apt's private state and makes sure that it exists.
func (a *Archive) begin(ctx context.Context) (unlock func(), err error) {
	if err := haveTools("apt-get", "apt-cache", "dpkg-deb"); err != nil {
		return nil, err
	}
	unlock, err = a.cache.Lock(ctx, "apt")
	if err != nil {
		return nil, err
	}
	if err := a.prepare(); err != nil {
		unlock()
		return nil, cache.NoSpace(a.path(), err)
	}
	return unlock, nil
}

func (a *Archive) prepare() error {
	for _, dir := range []string{"lists/partial", "archives/partial", "none/partial"} {
		if err := os.MkdirAll(a.path(dir), 0o755); err != nil {
			return fmt.Errorf("create private apt state: %w", err)
		}
	}
	if err := os.WriteFile(a.path("status"), nil, 0o644); err != nil {
		return fmt.Errorf("create private apt state: %w", err)
	}
	root, err := filepath.Abs(a.path())
	if err != nil {
		return fmt.Errorf("create private apt state: %w", err)
	}
	if err := os.WriteFile(a.path("apt.conf"), []byte(configuration(root)), 0o644); err != nil {
		return fmt.Errorf("create private apt state: %w", err)
	}
	return nil
}

// configuration is read after the machine's own (apt-get -c), so what it says wins.
//
// The machine's hooks are cleared: they act on the machine's state (a container image's hook empties the system's package cache after
// every update). The sandbox user is root because apt's _apt user cannot enter a cache folder in somebody's home; apt ignores the
// setting when it is not run as root.
func configuration(root string) string {
	return strings.ReplaceAll(`Dir::State "ROOT";
Dir::State::lists "ROOT/lists";
Dir::State::status "ROOT/status";
Dir::State::extended_states "ROOT/extended_states";
Dir::Cache "ROOT";
Dir::Cache::archives "ROOT/archives";
Dir::Cache::pkgcache "ROOT/pkgcache.bin";
Dir::Cache::srcpkgcache "ROOT/srcpkgcache.bin";
Dir::Log "ROOT";
#clear APT::Update::Pre-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
#clear APT::Architectures;
APT::Architectures { "amd64"; };
APT::Architecture "amd64";
APT::Install-Recommends "false";
APT::Install-Suggests "false";
APT::Get::List-Cleanup "true";
APT::Sandbox::User "root";
APT::Update::Error-Mode "any";
Acquire::Languages "none";
Acquire::IndexTargets::deb::DEP-11::DefaultEnabled "false";
Acquire::Retries "2";
Acquire::http::Timeout "20";
Acquire::https::Timeout "20";
Binary::apt-get::APT::Keep-Downloaded-Packages "true";
`, "ROOT", root)
}

// update fetches the package lists if there are none or they are older than maxAge. Old lists are better than none: if they cannot
// be fetched again they are used, and the next run tries again. Call with the lock held.
func (a *Archive) update(ctx context.Context) error {
	stamp, err := os.Stat(a.path("updated"))
	if err == nil && (a.unreachable.Load() || time.Since(stamp.ModTime()) < maxAge) {
		return nil
	}
	if fetchErr := a.fetchLists(ctx); fetchErr != nil && err != nil {
		return fetchErr
	}
	return ctx.Err()
}

func (a *Archive) fetchLists(ctx context.Context) error {
	a.report("fetching package lists (apt-get update, private to %s)", a.path())
	if _, err := a.run(ctx, a.path(), "apt-get", "-qq", "update"); err != nil {
		a.unreachable.Store(ctx.Err() == nil)
		return fmt.Errorf("fetch package lists: %w", err)
	}
	if err := os.WriteFile(a.path("updated"), nil, 0o644); err != nil {
		return cache.NoSpace(a.path(), fmt.Errorf("fetch package lists: %w", err))
	}
	return nil
}

// Names returns the packages whose names match the POSIX extended regular expression, in no particular order. If there is none
// it fetches newer lists before it says so by returning an empty slice.
func (a *Archive) Names(ctx context.Context, expression string) ([]string, error) {
	unlock, err := a.begin(ctx)
	if err != nil {
		return nil, err
	}
	defer unlock()
	if err := a.update(ctx); err != nil {
		return nil, err
	}
	names, err := a.search(ctx, expression)
	if len(names) > 0 || err != nil || a.updatedWithin(time.Minute) {
		return names, err
	}
	if err := a.fetchLists(ctx); err != nil {
		return nil, err
	}
	return a.search(ctx, expression)
}

func (a *Archive) updatedWithin(age time.Duration) bool {
	stamp, err := os.Stat(a.path("updated"))
	return err == nil && time.Since(stamp.ModTime()) < age
}

func (a *Archive) search(ctx context.Context, expression string) ([]string, error) {
	out, err := a.run(ctx, a.path(), "apt-cache", "search", "--names-only", expression)
	if err != nil {
		return nil, fmt.Errorf("search packages %s: %w", expression, err)
	}
	var names []string
	for line := range strings.Lines(string(out)) {
		name, _, found := strings.Cut(line, " - ")
		if found {
			names = append(names, name)
		}
	}
	return names, nil
}
