package snapshot

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// format is the version of the folder's layout.
const format = 1

// index says what a snapshot's files are like.
type index struct {
	Format int              `json:"format"`
	Files  map[string]entry `json:"files"`
}

// entry is what a file is known by.
type entry struct {
	Size int64  `json:"size"` // bytes, holes included
	Sum  uint32 `json:"sum"`  // of what is not zero, and where; see measure
}

func (e entry) String() string { return fmt.Sprintf("%d bytes with checksum %08x", e.Size, e.Sum) }

func readIndex(dir string) (*index, error) {
	text, err := os.ReadFile(filepath.Join(dir, indexFile))
	if errors.Is(err, os.ErrNotExist) {
		if _, dirErr := os.Stat(dir); dirErr != nil {
			return nil, dirErr
		}
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	var i index
	if err := json.Unmarshal(text, &i); err != nil || i.Format != format {
		return nil, fmt.Errorf("%w: %s cannot be understood", ErrDamaged, filepath.Join(dir, indexFile))
	}
	return &i, nil
}

func writeIndex(dir string, i index) error {
	text, err := json.Marshal(i)
	if err != nil {
		return fmt.Errorf("encode index: %w", err)
	}
	return os.WriteFile(filepath.Join(dir, indexFile), text, 0o644)
}
