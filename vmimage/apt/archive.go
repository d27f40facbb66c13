// Package apt fetches distribution packages through the machine's own apt without installing anything.
//
// On a machine that gets Debian from somewhere, that mirror and the key it is trusted with serve all of Debian's suites that the mirror
// has, from the oldest that is kept to experimental: kernels come from wherever they are newest, everything else from one release. On
// any other machine the sources and pins are the machine's own. Either way proxies and log-ins are the machine's, and apt checks
// signatures as always; lists, archives and package state are ours, below the cache folder, so no root is needed and the machine's
// own state is not changed. Our package state is empty: to apt nothing is installed, and "with dependencies" means the complete
// closure.
package apt

import (
	"context"
	"errors"
	"fmt"
	"os"
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

// update fetches the package lists if there are none or they are older than maxAge. Old lists are better than none: if they cannot
// be fetched again they are used, and the next run tries again. Call with the lock held.
func (a *Archive) update(ctx context.Context) error {
	updated, known := a.Updated()
	if known && (a.unreachable.Load() || time.Since(updated) < maxAge) {
		return nil
	}
	err := a.fetchLists(ctx)
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case err != nil && !known:
		return err
	case err != nil:
		a.report("using the package lists of %s: %v", updated.Format("2 January 15:04"), err)
	}
	return nil
}

func (a *Archive) fetchLists(ctx context.Context) error {
	a.report("fetching package lists (apt-get update, private to %s)", a.path())
	if err := a.fetchSuites(ctx); err != nil {
		a.unreachable.Store(ctx.Err() == nil)
		return fmt.Errorf("fetch package lists: %w", err)
	}
	if err := os.WriteFile(a.path("updated"), nil, 0o644); err != nil {
		return cache.NoSpace(a.path(), fmt.Errorf("fetch package lists: %w", err))
	}
	return nil
}

// fetchSuites brings the lists of every suite that the mirror has, or, where the machine does not get Debian, those of its own sources.
func (a *Archive) fetchSuites(ctx context.Context) error {
	debian, ok, err := a.mirrors(ctx)
	if err != nil {
		return err
	}
	known, err := remembered(a.path(suitesFile))
	if err != nil {
		return err
	}
	if !ok {
		if err := a.updateFrom(ctx, ""); err != nil {
			return err
		}
		return known.remember(a.path(suitesFile))
	}
	if len(known.Suites) == 0 {
		if err := a.settle(ctx, debian, known, releasesOnly()...); err != nil {
			return err
		}
	}
	if err := a.settle(ctx, debian, known); err != nil {
		return err
	}
	if left := known.leftOut(debian.suites()); len(left) > 0 {
		a.report("left out because this machine has no key for their signatures: %s", strings.Join(left, ", "))
	}
	return known.remember(a.path(suitesFile))
}

// releasesOnly has apt fetch and check the Release files alone, and leave the lists that are there: it is told in a second which suites
// there are, instead of in the course of a fetch that then has to be done again.
func releasesOnly() []string {
	return []string{"-o", "Acquire::IndexTargets::deb::Packages::DefaultEnabled=false", "-o", "APT::Get::List-Cleanup=false"}
}

// settle fetches from the suites that are not known to be troublesome. apt fetches all or complains; then it is asked for the others.
func (a *Archive) settle(ctx context.Context, debian mirrors, known *troubles, options ...string) error {
	for {
		text := known.sources(debian.suites())
		if text == "" {
			return fmt.Errorf("none of Debian's suites can be had from %s", debian.main.URI)
		}
		err := a.updateFrom(ctx, text, options...)
		var said *toolError
		if err == nil || !errors.As(err, &said) || !known.heed(string(said.stderr)) {
			return err
		}
	}
}

func (a *Archive) updateFrom(ctx context.Context, sources string, options ...string) error {
	if err := a.configure(sources); err != nil {
		return cache.NoSpace(a.path(), err)
	}
	_, err := a.run(ctx, a.path(), "apt-get", append(options, "-qq", "update")...)
	return err
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
	updated, known := a.Updated()
	return known && time.Since(updated) < age
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
