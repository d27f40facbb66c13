package cache

import (
	"fmt"
	"os"
	"slices"
	"time"
)

type usedEntry struct {
	path string
	used time.Time
}

func (d Dir) prune(class string, keep int, idle time.Duration) error {
	entries, err := d.byLastUse(class)
	if err != nil {
		return err
	}
	for i, entry := range entries {
		if i < keep || time.Since(entry.used) < idle {
			continue
		}
		if err := os.RemoveAll(entry.path); err != nil {
			return fmt.Errorf("prune cache: %w", err)
		}
	}
	return nil
}

// byLastUse returns the entries of class, newest first.
func (d Dir) byLastUse(class string) ([]usedEntry, error) {
	names, err := d.Entries(class)
	if err != nil {
		return nil, err
	}
	var entries []usedEntry
	for _, name := range names {
		path := d.Path(class, name)
		info, err := os.Lstat(path)
		if err != nil {
			return nil, fmt.Errorf("prune cache: %w", err)
		}
		entries = append(entries, usedEntry{path, info.ModTime()})
	}
	slices.SortStableFunc(entries, func(a, b usedEntry) int { return b.used.Compare(a.used) })
	return entries, nil
}
