package snapshot

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/iomapcheck/iomapcheck/vmimage/cache"
)

// Where snapshots are in the cache, and where they are made.
const (
	class  = "snapshots"
	drafts = "snapshot-drafts"
)

// How many snapshots stay, a hundred or two hundred MiB each, and how long one that was used is safe from removal. Who has one open has its files, removed
// or not; so the time only spares work.
const (
	keepSnapshots = 24
	idleSnapshot  = 2 * time.Minute
)

// Store is the snapshots of a cache. Any number of processes may use one at once.
type Store struct {
	Cache cache.Dir
	// Report is told of damage; may be nil.
	Report func(line string)
}

// Get opens the snapshot with a key. If it is not there, or damaged, build makes it; of several that want the same one, in any
// process, one makes it and the others wait. An error of build is returned as it is, and nothing is left behind.
//
// A maker must not call Get for another snapshot: two of them could wait for each other.
func (s Store) Get(ctx context.Context, key string, build func(context.Context, *Draft) error) (*Snapshot, error) {
	final := s.Cache.Path(class, key)
	if found, err := Open(final); err == nil {
		return found, nil
	}
	unlock, err := s.Cache.Lock(ctx, lockOf(key))
	if err != nil {
		return nil, err
	}
	defer unlock()
	found, err := Open(final)
	if err == nil {
		return found, nil
	}
	if errors.Is(err, ErrDamaged) {
		s.report("%v; making it anew", err)
	}
	if err := os.RemoveAll(final); err != nil {
		return nil, fmt.Errorf("remove damaged snapshot: %w", err)
	}
	if err := s.build(ctx, key, build); err != nil {
		return nil, err
	}
	return Open(final)
}

// lockOf is the lock that the maker of a key holds. There are few of them, so that they do not pile up.
func lockOf(key string) string { return "snapshot-" + key[:1] }

// build runs with the key's lock held.
func (s Store) build(ctx context.Context, key string, build func(context.Context, *Draft) error) error {
	draft := &Draft{dir: s.Cache.Path(drafts, key[:1], key)}
	if err := s.removeLeftovers(key); err != nil {
		return fmt.Errorf("remove leftovers of a killed run: %w", err)
	}
	defer os.RemoveAll(filepath.Dir(draft.dir))
	if err := os.MkdirAll(draft.dir, 0o755); err != nil {
		return cache.NoSpace(draft.dir, fmt.Errorf("make snapshot: %w", err))
	}
	if err := build(ctx, draft); err != nil {
		return err
	}
	if err := draft.seal(); err != nil {
		return cache.NoSpace(draft.dir, fmt.Errorf("finish snapshot: %w", err))
	}
	_, err := s.Cache.Publish(ctx, class, key, func(path string) error { return os.Rename(draft.dir, path) })
	if err != nil {
		return fmt.Errorf("publish snapshot: %w", err)
	}
	return s.Cache.Prune(ctx, class, keepSnapshots, idleSnapshot)
}

// removeLeftovers removes drafts that have no owner: those under the lock that is held for key, and those whose lock nobody holds.
func (s Store) removeLeftovers(key string) error {
	if err := os.RemoveAll(s.Cache.Path(drafts, key[:1])); err != nil {
		return err
	}
	left, err := s.Cache.Entries(drafts)
	if err != nil {
		return err
	}
	atOnce, cancel := context.WithCancel(context.Background())
	cancel()
	for _, shard := range left {
		unlock, err := s.Cache.Lock(atOnce, lockOf(shard))
		if err != nil {
			continue // somebody is at work there
		}
		err = os.RemoveAll(s.Cache.Path(drafts, shard))
		unlock()
		if err != nil {
			return err
		}
	}
	return nil
}

// Drop removes the snapshot with a key, because no clone of it works.
func (s Store) Drop(ctx context.Context, key string) error {
	unlock, err := s.Cache.Lock(ctx, lockOf(key))
	if err != nil {
		return err
	}
	defer unlock()
	if err := os.RemoveAll(s.Cache.Path(class, key)); err != nil {
		return fmt.Errorf("remove snapshot: %w", err)
	}
	return nil
}

func (s Store) report(format string, args ...any) {
	if s.Report != nil {
		s.Report(fmt.Sprintf(format, args...))
	}
}
